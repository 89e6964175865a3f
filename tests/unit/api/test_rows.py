"""Rows tell what a record tells, survive the way over the socket, and can be chosen and sorted."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.api import rows
from autopyfactory.api.rows import SORTS, QueueRow, chosen, queue_row, row_from_dict
from autopyfactory.model.record import HeldGroup, Sent, Troubles
from autopyfactory.notify.trends import Trend, Trends
from autopyfactory.pauses import Pause
from autopyfactory.why.explain import explain
from autopyfactory.why.model import LiveState
from contracts.records import T0, cycle

MINUTE = timedelta(minutes=1)


def test_a_row_tells_what_the_record_tells() -> None:
    row = queue_row("q", cycle(held=3), ce="ce1", sent=70)
    assert (row.state, row.ready, row.pending, row.held, row.running) == ("running", 37, 12, 3, 100)
    assert (row.waiting, row.unseen, row.error) == (9, 0, 0)
    assert (row.outcome, row.ce, row.sent, row.wmsqueue) == ("nothing", "ce1", 70, "BNL_MCORE")
    assert row.at == T0
    assert row.ages == {"wms": 12.4, "batch": 3.25}


def test_what_is_not_known_is_not_zero() -> None:
    record = cycle()
    assert record.inputs is not None
    row = queue_row("q", replace(record, inputs=replace(record.inputs, wms=None, batch=None)))
    assert (row.ready, row.pending, row.running, row.held) == (None, None, None, None)
    assert queue_row("q", None).state == "starting"
    assert queue_row("q", None).reason == "no cycle yet"


@pytest.mark.parametrize(("kind", "state"), [("paused", "paused"), ("draining", "draining")])
def test_a_pause_is_shown(kind: str, state: str) -> None:
    pause = Pause("q", T0, kind, reason="cooling")  # type: ignore[arg-type]
    row = queue_row("q", cycle(), pause=pause)
    assert row.state == state
    assert row.pause is not None
    assert "cooling" in row.pause
    assert queue_row("q", None, state="disabled", pause=pause).state == "disabled"


def test_stuck_pilots_are_seen_in_the_row() -> None:
    held = Troubles(T0, held=(HeldGroup('Received "DENIED"', 2),))
    before = replace(cycle(), troubles=Troubles(T0, ce_down=3, ce="condor ce1 ce1:9619"))
    assert queue_row("q", cycle()).trouble is None
    assert queue_row("q", before).trouble == "CE ce1:9619 does not answer (3 pilots affected)"
    now = queue_row("q", before, live=LiveState(T0, troubles=held))
    assert now.trouble == "2 pilots held: the CE knows our identity and does not let it submit"
    assert now.problem == now.trouble


def test_a_row_survives_json_with_every_field() -> None:
    row = queue_row("q", cycle(), pause=Pause("q", T0), trend=Trend(ready=-3, since=T0), sent=4)
    data = json.loads(json.dumps(row.as_dict()))
    assert set(data) == set(QueueRow.__dataclass_fields__)
    assert row_from_dict(data) == row


ROWS = [
    queue_row("EAST_MCORE", cycle(ready=5, held=2), ce="ce1.example.org"),
    queue_row("WEST_MCORE", cycle(ready=50, outcome="failed"), ce="ce2.example.org"),
    queue_row("WEST_GPU", None, state="broken", problem="no such plugin"),
]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["EAST_MCORE", "WEST_MCORE", "WEST_GPU"]),
        (["west"], ["WEST_MCORE", "WEST_GPU"]),
        (["west", "gpu"], ["WEST_GPU"]),
        (["held>0"], ["EAST_MCORE"]),
        (["ready<10"], ["EAST_MCORE"]),
        (["ready>-1"], ["EAST_MCORE", "WEST_MCORE"]),
        (["outcome=failed"], ["WEST_MCORE"]),
        (["outcome!=failed"], ["EAST_MCORE", "WEST_GPU"]),
        (["state=broken"], ["WEST_GPU"]),
        (["ce=ce2"], ["WEST_MCORE"]),
        (["reason=no such"], ["WEST_GPU"]),
    ],
)
def test_rows_are_chosen(words: list[str], names: list[str]) -> None:
    assert [r.queue for r in chosen(ROWS, words)] == names


@pytest.mark.parametrize(
    ("word", "says"), [("colour=red", "there is no column 'colour'"), ("held>x", "whole number")]
)
def test_a_wrong_word_is_an_error(word: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        chosen(ROWS, [word])


@pytest.mark.parametrize(
    ("by", "first"),
    [("queue", "EAST_MCORE"), ("ready", "WEST_MCORE"), ("held", "EAST_MCORE"), ("age", "WEST_GPU")],
)
def test_rows_are_sorted(by: str, first: str) -> None:
    assert sorted(ROWS, key=SORTS[by])[0].queue == first


def test_trends_of_quick_cycles_take_no_more_memory() -> None:
    trends = Trends()
    for n in range(601):
        at = T0 + n * timedelta(seconds=2)
        trends.note(cycle("q", n, at, ready=n, pending=5, running=100, cap=8))
    assert len(trends._points["q"]) <= 12
    trend = trends.of("q")
    assert trend.since is not None
    assert timedelta(minutes=9) <= T0 + 20 * MINUTE - trend.since <= timedelta(minutes=10)
    cycles = (T0 + 20 * MINUTE - trend.since) // timedelta(seconds=2)
    assert trend.ready == cycles
    assert 3 * cycles <= trend.submitted <= 3 * (cycles + 30)


def test_trends_are_those_of_the_last_ten_minutes() -> None:
    trends = Trends()
    for n in range(30):
        trends.note(cycle("q", n, T0 + n * MINUTE, ready=n * 10, pending=5, running=100 - n, cap=8))
    trend = trends.of("q")
    assert (trend.ready, trend.pending, trend.running) == (100, 0, -10)
    assert trend.since == T0 + 19 * MINUTE
    assert trend.submitted == 11 * 3
    assert trends.of("unknown") == Trend()


def test_one_cycle_has_no_trend() -> None:
    trends = Trends()
    trends.note(cycle("q"))
    assert trends.of("q").ready is None


def test_pilots_that_the_cycle_itself_has_sent_are_pending_already() -> None:
    record = replace(cycle(), sent=(Sent("t1", "ap", "ce", 5, "1"), Sent("t2", "ap", "ce", 3, "2")))
    row = queue_row("q", record)
    assert record.submitted == 8
    assert (row.pending, row.unseen, row.submitted) == (12 + 8, 8, 8)


@pytest.mark.parametrize(
    ("ready", "cap", "limit", "asked"),
    [
        (37, 10, "MaxPending", 25),  # 37 - 12 pending, and 12 are more than 10
        (37, 1000, "", 25),  # nobody has limited it
        (500, 1000, "MaxPerCycle", 488),  # more than 50
        (12, 10, "", 0),  # nothing was asked for
    ],
)
def test_the_rule_that_limits_is_named_only_when_more_was_asked_for(
    ready: int, cap: int, limit: str, asked: int
) -> None:
    row = queue_row("q", cycle(ready=ready, cap=cap))
    assert (row.limit, row.asked) == (limit, asked)


def test_the_first_cause_is_the_one_that_why_tells_first() -> None:
    record = replace(cycle(), troubles=Troubles(T0, held=(HeldGroup('Received "DENIED"', 2),)))
    row, story = queue_row("q", record), explain([record], None, queue="q", now=T0)
    first = next(c for c in story.causes if c.blocks)
    assert (row.cause, row.who, row.sentence) == (first.code, first.who, story.headline)


def test_an_order_comes_before_everything_else_and_a_missing_queue_before_its_cycles() -> None:
    pause = Pause("q", T0, reason="cooling")
    assert (queue_row("q", cycle(), pause=pause).cause, queue_row("q", None, pause=pause).cause) == (
        "paused", "paused",
    )  # fmt: skip
    broken = queue_row("q", cycle(), state="broken", problem="no such rule")
    assert (broken.cause, broken.who, broken.sentence, broken.reason) == (
        "broken", "us", "no such rule", "no such rule",
    )  # fmt: skip
    assert queue_row("q", None).cause == "no-cycle-yet"


def test_what_is_known_now_wins_over_what_the_cycle_knew() -> None:
    record = replace(cycle(), troubles=Troubles(T0, ce_down=3, ce="condor ce1 ce1:9619"))
    now = LiveState(now=T0, running=True, troubles=Troubles(T0, held=(HeldGroup('Received "DENIED"', 2),)))
    before, after = queue_row("q", record).trouble, queue_row("q", record, live=now).trouble
    assert before is not None and "does not answer" in before
    assert after is not None and "does not answer" not in after
    nothing = LiveState(now=T0, running=True)
    assert queue_row("q", record, live=nothing).trouble == before, "not known is not: there is none"


def test_stories_are_made_once_for_a_cycle_and_anew_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(records: Any, *args: Any, **named: Any) -> Any:
        made.append(named["queue"])
        return explain(records, *args, **named)

    monkeypatch.setattr(rows, "explain", counted)
    record = cycle("once", 1)
    for _ in range(3):
        queue_row("once", record)
    assert made == ["once"]
    queue_row("once", cycle("once", 2))
    assert made == ["once", "once"]


def test_the_stories_of_queues_that_are_gone_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MOST_STORIES", 5)
    for number in range(50):
        queue_row(f"gone{number}", cycle(f"gone{number}"))
    assert len(rows._stories) <= 6


COUNTS = st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=8)


@given(COUNTS, st.sampled_from(sorted(SORTS)))
def test_every_order_is_total_and_the_same_again(counts: list[int | None], by: str) -> None:
    """Also of counts that are not known; what a column cannot tell apart stands in the order of names."""
    made = [
        QueueRow(f"q{i}", "running", ready=n, pending=n, running=n, held=n, sent=n, submitted=n or 0)
        for i, n in enumerate(counts)
    ]
    once = sorted(made, key=SORTS[by])
    assert sorted(reversed(made), key=SORTS[by]) == once
    if by in ("ready", "pending", "running", "held", "sent", "submitted"):
        values = [getattr(r, by) or 0 for r in once]
        assert values == sorted(values, reverse=True)
    else:
        assert [r.queue for r in once] == sorted(r.queue for r in made)
