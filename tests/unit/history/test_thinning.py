"""Thinning against a plain model of it: one row per outcome and window, and every sum exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, insert, select

from autopyfactory.history.schema import cycle, event, metadata
from autopyfactory.history.thinning import (
    DAY,
    Tier,
    expire,
    expire_events,
    shrink,
    shrink_pings,
    thin,
    tiers,
    used_bytes,
)

NOW = 20_000 * DAY
STEPS = (Tier(1.0, 600), Tier(3.0, 3600))


@dataclass(frozen=True)
class Row:
    at: int
    outcome: int
    submitted: int
    cycles: int
    width: int


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def keep(connection: Connection, queue_id: int, *at: int, outcome: int = 0, submitted: int = 1) -> None:
    plain = {"queue_id": queue_id, "cycles": 1, "width": 0, "dictionary_id": 0, "detail": b""}
    rows = [{**plain, "at": a, "outcome": outcome, "submitted": submitted} for a in at]
    if rows:
        connection.execute(insert(cycle), rows)


def rows(connection: Connection, queue_id: int = 1) -> list[Row]:
    c = cycle.c
    query = select(c.at, c.outcome, c.submitted, c.cycles, c.width).where(c.queue_id == queue_id)
    return [Row(*row) for row in connection.execute(query.order_by(c.at))]


def totals(found: list[Row]) -> dict[int, tuple[int, int]]:
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in found:
        sums[row.outcome][0] += row.cycles
        sums[row.outcome][1] += row.submitted
    return {outcome: (a, b) for outcome, (a, b) in sums.items()}


def test_the_steps_of_a_history() -> None:
    assert tiers(7) == (Tier(7, 600), Tier(30.0, 3600))
    assert tiers(20) == (Tier(20, 600), Tier(40, 3600))  # never before the finer one
    assert tiers(0)[1].age >= tiers(0)[0].age


def test_one_row_per_window_and_outcome_stays_the_last(connection: Connection) -> None:
    start = NOW - 2 * DAY  # a whole window begins here
    keep(connection, 1, start, start + 1000, start + 599_999, submitted=2)
    keep(connection, 1, start + 500, outcome=5, submitted=0)  # a failure among them
    keep(connection, 1, start + 600_000, submitted=9)  # the next window
    assert thin(connection, 1, NOW, STEPS, {}) == 2
    assert rows(connection) == [
        Row(start + 500, 5, 0, 1, 600),
        Row(start + 599_999, 0, 6, 3, 600),
        Row(start + 600_000, 0, 9, 1, 600),
    ]


def test_what_is_young_stays_as_it_is(connection: Connection) -> None:
    edge = NOW - DAY
    keep(connection, 1, edge, edge + 1, edge + 2, NOW, NOW + 5000)
    assert thin(connection, 1, NOW, STEPS, {}) == 0
    assert {row.width for row in rows(connection)} == {0}


def test_only_whole_windows_are_thinned(connection: Connection) -> None:
    """Else a window would be left with two rows of one outcome, one of each half."""
    now = NOW + 300_000  # the window of a day ago is not over yet
    first = NOW - DAY
    keep(connection, 1, first, first + 1, first + 400_000)
    assert thin(connection, 1, now, STEPS, {}) == 0
    assert thin(connection, 1, now + 300_000, STEPS, {}) == 2
    assert [row.cycles for row in rows(connection)] == [3]


def test_another_queue_is_not_touched(connection: Connection) -> None:
    old = NOW - 2 * DAY
    keep(connection, 1, old, old + 1)
    keep(connection, 2, old, old + 1)
    thin(connection, 1, NOW, STEPS, {})
    assert len(rows(connection, 1)) == 1
    assert len(rows(connection, 2)) == 2
    assert expire(connection, 1, NOW) == 1
    assert len(rows(connection, 2)) == 2


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(  # minutes before NOW -> (outcome, pilots)
        st.integers(0, 5 * 24 * 60), st.tuples(st.integers(0, 2), st.integers(0, 9)), max_size=60
    ),
    st.lists(st.integers(-120, 2000), min_size=1, max_size=5),
    st.booleans(),
)
def test_whenever_and_however_often_it_is_thinned(
    connection: Connection, cycles: dict[int, tuple[int, int]], later: list[int], remembers: bool
) -> None:
    """`later`: minutes between rounds (clocks are set back too); without memory each is a new life."""
    connection.execute(cycle.delete())
    for minutes, (outcome, submitted) in sorted(cycles.items(), reverse=True):
        keep(connection, 1, NOW - minutes * 60_000, outcome=outcome, submitted=submitted)
    before, now, furthest = totals(rows(connection)), NOW, NOW
    progress: dict[tuple[int, int], int] = {}
    for minutes in later:
        now += minutes * 60_000
        furthest = max(furthest, now) if remembers else now
        count = len(rows(connection))
        gone = thin(connection, 1, now, STEPS, progress if remembers else {})
        found = rows(connection)
        assert len(found) == count - gone
        assert totals(found) == before
        for tier in STEPS:
            due = (now - int(tier.age * DAY)) // (tier.width * 1000) * tier.width * 1000
            old = [(r.at // (tier.width * 1000), r.outcome) for r in found if r.at < due]
            assert len(old) == len(set(old)), "one row per window and outcome"
        assert all(r.width for r in found if r.at < (now - DAY) // 600_000 * 600_000)
    times = {NOW - minutes * 60_000: given[0] for minutes, given in cycles.items()}
    assert all(times[row.at] == row.outcome for row in found)  # each row is one that there was


def test_thinned_once_and_again_is_the_same(connection: Connection) -> None:
    old = NOW - 5 * DAY
    keep(connection, 1, *range(old, old + 20 * 600_000, 60_000))
    thin(connection, 1, NOW, STEPS, {})
    once = rows(connection)
    assert thin(connection, 1, NOW, STEPS, {}) == 0
    assert rows(connection) == once
    assert {row.width for row in once} == {3600}


def test_a_late_cycle_joins_its_window_in_the_next_life(connection: Connection) -> None:
    old = NOW - 5 * DAY
    keep(connection, 1, old, old + 1000)
    progress: dict[tuple[int, int], int] = {}
    thin(connection, 1, NOW, STEPS, progress)
    keep(connection, 1, old + 2000, submitted=4)
    thin(connection, 1, NOW, STEPS, progress)
    assert len(rows(connection)) == 2  # this life looks no more at what it has done
    thin(connection, 1, NOW, STEPS, {})
    assert rows(connection) == [Row(old + 2000, 0, 6, 3, 3600)]


def test_many_rows_go_in_lots(connection: Connection) -> None:
    old = NOW - 2 * DAY
    keep(connection, 1, *range(old, old + 1203))
    assert thin(connection, 1, NOW, STEPS, {}) == 1202
    assert [row.cycles for row in rows(connection)] == [1203]


def test_what_has_expired_goes_and_the_moment_itself_stays(connection: Connection) -> None:
    keep(connection, 1, NOW - 1, NOW, NOW + 1)
    assert expire(connection, 1, NOW) == 1
    assert [row.at for row in rows(connection)] == [NOW, NOW + 1]


def happened(connection: Connection, factory: str, kind: str, *at: int) -> None:
    for moment in at:
        connection.execute(insert(event).values(factory=factory, at=moment, kind=kind, detail="{}"))


def test_events_of_another_factory_are_not_ours_to_delete(connection: Connection) -> None:
    happened(connection, "ours", "started", NOW - 1, NOW)
    happened(connection, "theirs", "started", NOW - 1)
    assert expire_events(connection, "ours", NOW) == 1
    left = connection.execute(select(event.c.factory, event.c.at).order_by(event.c.id)).all()
    assert [tuple(row) for row in left] == [("ours", NOW), ("theirs", NOW - 1)]


@pytest.mark.parametrize(("share", "gone"), [(0.0, 1), (0.05, 5), (0.5, 50), (1.0, 100)])
def test_the_oldest_share_goes(connection: Connection, share: float, gone: int) -> None:
    keep(connection, 1, *range(NOW, NOW + 100))
    assert shrink(connection, share) == gone
    assert [row.at for row in rows(connection)] == list(range(NOW + gone, NOW + 100))


def test_of_nothing_nothing_goes(connection: Connection) -> None:
    assert shrink(connection, 0.5) == 0
    assert shrink_pings(connection, 0.5) == 0


@pytest.mark.parametrize(("pings", "gone"), [(10, 10), (1000, 1000), (1500, 1000), (4000, 2000)])
def test_pings_go_by_halves_but_a_thousand_at_least_and_nothing_else(
    connection: Connection, pings: int, gone: int
) -> None:
    happened(connection, "f", "started", 0)
    plain = {"factory": "f", "kind": "ping", "detail": "{}"}
    connection.execute(insert(event), [{**plain, "at": n} for n in range(pings)])
    assert shrink_pings(connection, 0.5) == gone
    left = connection.execute(select(event.c.at).where(event.c.kind == "ping").order_by(event.c.id))
    assert list(left.scalars()) == list(range(gone, pings))
    assert connection.execute(select(event.c.kind).where(event.c.kind != "ping")).scalars().all() == [
        "started"
    ]


def test_free_pages_are_not_used(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/h.db")
    metadata.create_all(engine)
    with engine.begin() as connection:
        empty = used_bytes(connection)
        keep(connection, 1, *range(20_000))
    with engine.begin() as connection:
        full = used_bytes(connection)
        connection.execute(cycle.delete())
    with engine.begin() as connection:
        assert full > empty + 20_000 * 10
        assert used_bytes(connection) < empty + (full - empty) / 10
    engine.dispose()
