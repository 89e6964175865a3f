"""The past on pages: few points, none lost of what was sent, and the history closed whatever happens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.history.place import HistoryError
from autopyfactory.model.record import FactoryEvent
from autopyfactory.notify.trends import Point
from autopyfactory.web import past
from contracts.records import cycle

SINCE = datetime(2026, 11, 22, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=24)


class Reader:
    """A history that holds what it was given."""

    def __init__(self, records: Any = (), events: Any = (), error: str = "") -> None:
        self.records, self.kept, self.error, self.closed = records, events, error, 0

    def _told(self, what: Any) -> Any:
        if self.error:
            raise HistoryError(self.error)
        return what

    def sampled(self, queue: str, since: datetime, until: datetime, parts: int) -> Any:
        found = [SimpleNamespace(record=r) for r in self.records if since <= r.started <= until]
        return self._told([(s, 5) for s in found])

    def events(self, since: datetime, until: datetime, queue: str | None) -> Any:
        return self._told(list(self.kept))

    def last(self, queue: str, n: int, until: datetime | None) -> Any:
        self.wanted = n
        return self._told([])

    def close(self) -> None:
        self.closed += 1


def access(reader: Reader) -> Any:
    return SimpleNamespace(history=lambda: reader)


@given(st.lists(st.tuples(st.integers(0, 86400), st.integers(0, 50)), max_size=600).map(sorted))
def test_a_curve_has_few_points_and_all_that_was_sent(cycles: list[tuple[int, int]]) -> None:
    points = [Point(SINCE + timedelta(seconds=s), s, submitted=n) for s, n in cycles]
    thin = past.thinned(points, SINCE, UNTIL)
    assert len(thin) <= past.POINTS
    assert sum(p.submitted for p in thin) == sum(n for _, n in cycles)
    assert [p.at for p in thin] == sorted(p.at for p in thin)
    assert [p.at for p in thin[-1:]] == [p.at for p in points[-1:]], "the newest is there"
    assert all(p.ready == (p.at - SINCE).total_seconds() for p in thin), "counts are those of their time"


def test_the_last_of_each_part_stands_for_it() -> None:
    part = timedelta(hours=24) / past.POINTS  # 6 min
    at = [SINCE, SINCE + part * 0.99, SINCE + part, SINCE + part * 5.5]
    thin = past.thinned([Point(t, i, submitted=1) for i, t in enumerate(at)], SINCE, UNTIL)
    assert [(p.ready, p.submitted) for p in thin] == [(1, 2), (2, 1), (3, 1)]


def test_what_was_at_the_very_end_makes_no_point_more() -> None:
    every = [Point(SINCE + timedelta(minutes=6) * i, i, submitted=1) for i in range(241)]
    thin = past.thinned(every, SINCE, UNTIL)
    assert (len(thin), thin[-1].ready, thin[-1].submitted) == (240, 240, 2)


def test_a_curve_of_the_last_hours() -> None:
    now = datetime.now(UTC)
    records = [cycle("q", i, now - timedelta(hours=h), ready=i) for i, h in enumerate((7, 5, 1))]
    reader = Reader(records)
    found = past.curve(access(reader), "q", "6h")
    assert [(p.ready, p.submitted) for p in found.points] == [(1, 5), (2, 5)]
    assert found.until - found.since == timedelta(hours=6)
    assert (found.problem, reader.closed) == (None, 1)


@pytest.mark.parametrize("where", ["open", "read"])
def test_a_history_that_cannot_be_read_is_told_and_closed(where: str) -> None:
    reader = Reader(error="the disk is gone")

    def history() -> Reader:
        if where == "open":
            raise HistoryError("the disk is gone")
        return reader

    reach: Any = SimpleNamespace(history=history)
    assert past.curve(reach, "q", "day").problem == "the disk is gone"
    assert past.events(reach, SINCE, UNTIL) == ([], "the disk is gone")
    with pytest.raises(HistoryError):
        past.cycles(reach, "q", 5)
    assert reader.closed == (3 if where == "read" else 0)


def test_events_come_newest_first_bounded_and_without_pings_unless_wanted() -> None:
    kept = [FactoryEvent("ping" if i % 2 else "paused", SINCE, str(i)) for i in range(2 * past.MOST + 10)]
    found, problem = past.events(access(Reader(events=kept)), SINCE, UNTIL)
    assert problem is None
    assert [e.text for e in found] == [str(i) for i in range(2 * past.MOST + 8, 8, -2)]
    with_pings, _ = past.events(access(Reader(events=kept)), SINCE, UNTIL, pings=True)
    assert [e.text for e in with_pings[:2]] == [str(2 * past.MOST + 9), str(2 * past.MOST + 8)]
    assert len(with_pings) == past.MOST


def test_nobody_is_given_more_cycles_than_an_answer_holds() -> None:
    reader = Reader()
    past.cycles(access(reader), "q", 10**9)
    assert reader.wanted == past.MOST
