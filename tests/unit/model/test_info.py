"""Counts: added up, split, and told from what cannot be a count."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.info import MOST_PILOTS, BatchQueueInfo, BatchStatus, Snapshot, WMSQueueInfo

WMS = [f.name for f in fields(WMSQueueInfo)]
BATCH = [f.name for f in fields(BatchQueueInfo)]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
some = st.integers(0, 1000)
works = st.builds(WMSQueueInfo, *[some] * len(WMS))
pilots = st.builds(BatchQueueInfo, *[some] * len(BATCH))


@pytest.mark.parametrize("name", WMS)
def test_every_count_of_work_is_added(name: str) -> None:
    assert WMSQueueInfo(**{name: 2}) + WMSQueueInfo(**{name: 3}) == WMSQueueInfo(**{name: 5})


@pytest.mark.parametrize("name", BATCH)
def test_every_count_of_pilots_is_added(name: str) -> None:
    assert BatchQueueInfo(**{name: 2}) + BatchQueueInfo(**{name: 3}) == BatchQueueInfo(**{name: 5})


@given(works, works, works)
def test_the_order_of_adding_work_makes_no_difference(
    a: WMSQueueInfo, b: WMSQueueInfo, c: WMSQueueInfo
) -> None:
    assert (a + b) + c == a + (c + b)
    assert a + WMSQueueInfo() == a


@given(pilots, pilots)
def test_sums_of_pilots_agree_however_they_are_made(a: BatchQueueInfo, b: BatchQueueInfo) -> None:
    assert a + b == b + a
    assert (a + b).active == a.active + b.active
    assert (a + b).shown == a.shown + b.shown
    assert BatchStatus({"a": a, "b": b}).active == (a + b).active


def test_what_is_active_and_what_is_shown() -> None:
    info = BatchQueueInfo(
        pending=10, running=20, suspended=3, done=100, error=4, unknown=5, held=6, unseen=2, missing=1
    )
    assert info.active == 30  # pending and running; held ones are among the pending
    assert info.shown == 10 + 20 + 3 + 4 + 5 - 2 - 1  # all that have not ended, without the book's own


@given(pilots, st.integers(0, 50))
def test_pilots_that_nobody_sees_yet_are_pending_and_not_shown(info: BatchQueueInfo, n: int) -> None:
    more = info.with_unseen(n)
    assert more.pending == info.pending + n
    assert more.active == info.active + n
    assert more.shown == info.shown
    assert replace(more, pending=info.pending, unseen=info.unseen) == info


def test_a_queue_without_pilots_is_zero_in_an_answer_that_is_complete() -> None:
    status = BatchStatus({"a": BatchQueueInfo(pending=1)})
    assert status.queue("b") == BatchQueueInfo()
    assert status.queue("a").pending == 1
    assert BatchStatus({}).active == 0
    assert BatchStatus({}).absurd() is None


@pytest.mark.parametrize("what", BATCH)
@pytest.mark.parametrize("n", [-1, MOST_PILOTS + 1, 1.0, True, "3", None, float("nan")])
def test_a_count_that_is_none_spoils_the_answer_whichever_it_is(what: str, n: object) -> None:
    bad = replace(BatchQueueInfo(), **{what: n})
    told = BatchStatus({"good": BatchQueueInfo(pending=1), "bad": bad}).absurd()
    assert told is not None
    assert what in told
    assert "'bad'" in told


@pytest.mark.parametrize("n", [0, 1, MOST_PILOTS])
def test_the_bounds_of_a_count_are_counts(n: int) -> None:
    assert BatchStatus({"q": BatchQueueInfo(pending=n, running=n)}).absurd() is None


@pytest.mark.parametrize(
    ("others", "absurd"),
    [
        (0, False),
        (7, False),
        (8, True),  # more than there are
        (-1, True),
        (True, True),
        ("1", True),
        (1.0, True),
    ],
)
def test_pilots_of_others_are_among_those_that_are_shown(others: object, absurd: bool) -> None:
    counts = BatchQueueInfo(pending=4, running=3, done=50, held=4)
    status = BatchStatus({"q": counts}, {"q": others})  # type: ignore[dict-item]
    assert (status.absurd() is not None) is absurd


def test_pilots_of_others_in_a_queue_that_has_none_are_absurd() -> None:
    assert BatchStatus({}, {"q": 1}).absurd() is not None
    assert BatchStatus({}, {"q": 0}).absurd() is None


def test_a_name_of_any_length_makes_no_long_complaint() -> None:
    told = BatchStatus({"q" * 10_000: BatchQueueInfo(pending=-1)}).absurd()
    assert told is not None
    assert len(told) < 200


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0, 1e6))
def test_an_age_grows_with_time_and_is_never_negative(taken: float, now: float, later: float) -> None:
    snapshot = Snapshot(None, NOW, taken)
    assert snapshot.age(now) >= 0
    assert snapshot.age(now + later) >= snapshot.age(now)
    assert snapshot.age(taken) == 0


def test_an_age_is_counted_from_the_question() -> None:
    assert Snapshot("x", NOW, 100.0).age(160.5) == 60.5
    assert Snapshot("x", NOW, 100.0).age(99.0) == 0.0
