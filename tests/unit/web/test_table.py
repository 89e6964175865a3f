"""The table of queues as a URL asks for it: pages are parts of one order, groups hold every queue once."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.api.rows import SORTS, QueueRow
from autopyfactory.web.table import COLUMNS, MOST, Selection, as_csv, cause_of, groups, states

AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
few = st.none() | st.integers(0, 5)
ROWS = st.lists(
    st.builds(
        QueueRow,
        queue=st.text("abc/", min_size=1, max_size=3),
        state=st.sampled_from(["running", "paused", "broken"]),
        cause=st.sampled_from(["", "capped", "offline"]),
        ce=st.sampled_from(["", "ce1", "ce2"]),
        ready=few,
        pending=few,
        running=few,
        at=st.none() | st.integers(0, 999).map(lambda s: AT + timedelta(seconds=s)),
    ),
    unique_by=lambda r: r.queue,
    max_size=12,
)


@given(ROWS, st.sampled_from(sorted(SORTS)), st.booleans(), st.integers(1, 5))
def test_pages_laid_end_to_end_are_the_sorted_table(
    rows: list[QueueRow], sort: str, down: bool, limit: int
) -> None:
    whole = Selection(sort=sort, down=down).rows(rows)
    assert sorted(r.queue for r in whole) == sorted(r.queue for r in rows)
    pages = [
        Selection(sort=sort, down=down, offset=offset, limit=limit).page(whole)
        for offset in range(0, len(rows), limit)
    ]
    assert [r for page in pages for r in page] == whole
    assert Selection(offset=len(rows)).page(whole) == []


@given(ROWS, st.sampled_from(sorted(SORTS)))
def test_an_order_does_not_depend_on_the_one_before(rows: list[QueueRow], sort: str) -> None:
    assert Selection(sort=sort).rows(rows) == Selection(sort=sort).rows(rows[::-1])
    assert Selection(sort=sort, down=True).rows(rows) == Selection(sort=sort).rows(rows)[::-1]


def test_names_go_up_numbers_down_and_the_longest_silent_comes_first() -> None:
    rows = [
        QueueRow("b", "running", ready=3, at=AT),
        QueueRow("a", "running", ready=7, at=AT + timedelta(minutes=1)),
        QueueRow("c", "running"),
    ]
    names = {sort: "".join(r.queue for r in Selection(sort=sort).rows(rows)) for sort in SORTS}
    assert (names["queue"], names["ready"], names["age"]) == ("abc", "abc", "cba")
    assert "".join(r.queue for r in Selection(sort="ready", down=True).rows(rows)) == "cba"


@given(
    ROWS,
    st.sampled_from(["", "ok", "capped"]),
    st.sampled_from(["", "running"]),
    st.sampled_from(["", "ce1"]),
)
def test_filters_take_exactly_what_fits_all_of_them(
    rows: list[QueueRow], cause: str, state: str, ce: str
) -> None:
    found = {r.queue for r in Selection(cause=cause, state=state, ce=ce).rows(rows)}
    for r in rows:
        fits = (not cause or (r.cause or "ok") == cause) and (not state or r.state == state)
        assert (r.queue in found) == (fits and (not ce or r.ce == ce))


def test_a_ce_is_the_one_that_is_named_and_not_one_whose_name_begins_so() -> None:
    rows = [QueueRow("a", "running", ce="ce1"), QueueRow("b", "running", ce="ce10"), QueueRow("c", "running")]
    assert [r.queue for r in Selection(ce="ce1").rows(rows)] == ["a"]


@pytest.mark.parametrize(("limit", "shown"), [(-3, 1), (0, 1), (2, 2), (10**9, MOST)])
def test_no_url_asks_for_too_much(limit: int, shown: int) -> None:
    rows = [QueueRow(f"q{i:04}", "running") for i in range(MOST + 5)]
    assert len(Selection(limit=limit).page(rows)) == shown
    assert Selection(offset=-7, limit=1).page(rows)[0].queue == "q0000"


def test_an_order_that_is_none_is_told_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no order 'fun'.*queue.*ready"):
        Selection(sort="fun").rows([])


@given(ROWS)
def test_groups_and_states_hold_every_queue_once(rows: list[QueueRow]) -> None:
    made = groups(rows)
    assert sum(g.queues for g in made) == len(rows) == sum(states(rows).values())
    assert sum(g.pending for g in made) == sum(r.pending or 0 for r in rows)
    assert sum(g.running for g in made) == sum(r.running or 0 for r in rows)
    by_cause = Counter(cause_of(r) for r in rows)
    assert {g.cause: g.queues for g in made} == by_cause
    bad = [g.queues for g in made if g.cause != "ok"]
    assert bad == sorted(bad, reverse=True), "the largest trouble first"
    assert [g.cause for g in made if g.cause == "ok"] == [g.cause for g in made][len(bad) :], "the good last"


def cells(row: QueueRow) -> dict[str, str]:
    (found,) = csv.DictReader(io.StringIO(as_csv([row])))
    return found


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_no_text_is_a_formula_in_a_spreadsheet(text: str) -> None:
    assert cells(QueueRow(text, "running", sentence=text))["queue"] == f"'{text}"
    assert cells(QueueRow("q", "running", sentence=text))["sentence"] == f"'{text}"


def test_numbers_stay_numbers_and_times_have_their_zone() -> None:
    east = AT.astimezone(timezone(timedelta(hours=2)))
    found = cells(QueueRow("q", "running", ready=-3, at=east))
    assert (found["ready"], found["at"], found["running"]) == ("-3", "2026-11-22T04:00:00+02:00", "")


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_whatever_a_cell_holds_it_is_one_cell(text: str) -> None:
    lines = list(csv.reader(io.StringIO(as_csv([QueueRow("q", "running", sentence=text)]), newline="")))
    assert [len(line) for line in lines] == [len(COLUMNS)] * 2
    assert lines[1][-1].removeprefix("'") == text.removeprefix("'")


def test_a_queue_with_several_ces_is_at_each_of_them() -> None:
    rows = [QueueRow("a", "running", ce="ce1, ce2:9620"), QueueRow("b", "running", ce="ce1")]
    at = {
        ce: [r.queue for r in Selection(ce=ce).rows(rows)]
        for ce in ("ce1", "ce2:9620", "ce1, ce2:9620", "ce2")
    }
    assert at == {"ce1": ["a", "b"], "ce2:9620": ["a"], "ce1, ce2:9620": ["a"], "ce2": []}
