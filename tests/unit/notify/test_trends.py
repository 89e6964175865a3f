"""Where the numbers of a queue are going: over ten minutes, whatever cycles and clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.record import FactoryEvent
from autopyfactory.notify.trends import SPACING, WINDOW, Point, Trend, Trends, added, point, trend
from contracts.records import T0, cycle

AT = datetime(2026, 11, 22, tzinfo=UTC)


def at(seconds: float, ready: int | None = 0, submitted: int = 0, **more: int) -> Point:
    return Point(AT + timedelta(seconds=seconds), ready, submitted=submitted, **more)


PAUSES = st.lists(st.tuples(st.integers(1, 120), st.integers(0, 9)), min_size=1, max_size=60)


@given(PAUSES)
def test_all_that_was_sent_in_the_window_is_counted_once(cycles: list[tuple[int, int]]) -> None:
    points: list[Point] = []
    now, sent = 0, []
    for pause, n in cycles:
        now += pause
        sent.append((now, n))
        added(points, at(now, now, n))
        found = trend(points)
        assert len(points) <= 13, "a thousand queues have as many lists"
        assert points[-1].ready == now, "the newest counts are there"
        within = sum(k for t, k in sent if t >= now - WINDOW.total_seconds())
        early = sum(k for t, k in sent if t >= now - (WINDOW + SPACING).total_seconds() - 120)
        assert within <= found.submitted <= early, "of one point's width nobody knows better"
        assert found.since is not None and found.since >= AT + timedelta(seconds=now) - WINDOW


def test_a_change_is_from_ten_minutes_ago_to_now() -> None:
    points: list[Point] = []
    for minute in range(31):
        added(points, at(60 * minute, 10 * minute, 1, pending=50 - minute))
    assert trend(points) == Trend(100, -10, None, 11, AT + timedelta(minutes=20))


def test_what_was_not_known_at_either_end_has_no_change() -> None:
    assert trend([at(0, None), at(60, 5), at(120, 9)]).ready is None
    assert trend([at(0, 5), at(60, 9), at(120, None)]).ready is None
    assert trend([at(0, 5), at(60, None), at(120, 7)]).ready == 2
    assert trend([at(0, 5, 3)]) == Trend(None, None, None, 3, AT), "one cycle is no change"
    assert trend([]) == Trend()


@given(PAUSES, st.integers(1, 86400))
def test_after_a_clock_was_set_back_the_window_is_ten_minutes_again(
    cycles: list[tuple[int, int]], back: int
) -> None:
    """Points of a time that has not come yet said nothing of the last ten minutes, for as long as it took."""
    points: list[Point] = []
    now = 0
    for pause, n in cycles:
        now += pause
        added(points, at(now, 1, n))
    now -= back
    for _ in range(5):
        now += 120
        added(points, at(now, 2, 1))
        assert points == sorted(points, key=lambda p: p.at)
        assert trend(points).since is not None and trend(points).since <= points[-1].at
    assert points[-1].at == AT + timedelta(seconds=now)
    assert len(points) >= 4, "further points, and not one that goes on for ever"


def test_cycles_count_for_their_queue_and_nothing_else_does() -> None:
    trends = Trends()
    for i, ready in enumerate((3, 9)):
        trends.note(cycle("a", i, T0 + timedelta(minutes=2 * i), ready=ready, pending=0))
    trends.note(FactoryEvent("started", T0))
    assert (trends.of("a").ready, trends.of("a").pending) == (6, 0)
    assert trends.of("b") == Trend()
    assert point(cycle("a", inputs=None)) == Point(T0, submitted=cycle("a").submitted), "it knew nothing"
