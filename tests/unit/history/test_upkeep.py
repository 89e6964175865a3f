"""How large a history gets."""

from datetime import timedelta
from pathlib import Path

from autopyfactory.external.clocks import Clocks
from autopyfactory.external.setahead import SetAhead
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.record import FactoryEvent
from contracts.history import raw
from contracts.records import T0, cycle, series
from remembered import SetClock


def test_its_size_is_bounded(url: str, path: Path) -> None:
    clock = SetClock(T0)
    writer = HistoryWriter(url, "f", max_bytes=600_000, clock=clock)
    for hour in range(60):
        clock.wall = T0 + timedelta(hours=hour)
        writer.deliver(list(series("A", clock.wall, 240, every=10, seed=hour)))
    writer.close()
    assert path.stat().st_size < 1_000_000
    kept = HistoryReader(url).last("A", 99999)
    assert 1000 < len(kept) < 6000
    assert kept[-1].record.started >= T0 + timedelta(hours=59)  # the oldest went, not the newest
    times = [s.record.started for s in kept]
    assert times == sorted(times)


def test_pings_count_and_are_the_first_to_go(url: str, path: Path) -> None:
    clock = SetClock(T0)
    writer = HistoryWriter(url, "f", max_bytes=600_000, clock=clock)
    writer.deliver(list(series("A", T0, 240, every=10)))
    for hour in range(1, 40):
        clock.wall = T0 + timedelta(hours=hour)
        facts: dict[str, int | float | str] = {"pilot": f"{hour}.0", "state": "running"}
        pings = [FactoryEvent("ping", clock.wall, "p" * 200, None, facts) for _ in range(400)]
        writer.deliver([*pings, FactoryEvent("reloaded", clock.wall, "kept")])
    writer.close()
    assert path.stat().st_size < 1_000_000
    assert len(HistoryReader(url).last("A", 999)) == 240  # not one cycle went
    assert raw(url, "SELECT count(*) FROM event WHERE kind = 'reloaded'") == 39


def test_a_clock_that_is_set_far_ahead_deletes_nothing(url: str, path: Path) -> None:
    clock, services = SetClock(T0), Clocks()
    its = {"clock": clock, "ahead": SetAhead(clocks=services, monotonic=clock.monotonic)}
    writer = HistoryWriter(url, "f", **its)  # type: ignore[arg-type]
    writer.deliver([*series("A", T0, 600, every=10), FactoryEvent("reloaded", T0, "kept")])
    for days in (400, 401):
        clock.wall = T0 + timedelta(days=days)
        writer.deliver([cycle("A", at=clock.wall)])
    writer.close()
    its["ahead"] = SetAhead(clocks=services, monotonic=clock.monotonic)
    clock.wall = T0 + timedelta(days=900)  # and so it is at a start
    writer = HistoryWriter(url, "f", **its)  # type: ignore[arg-type]
    writer.deliver([cycle("A", at=clock.wall)])
    assert len(HistoryReader(url).last("A", 9999)) == 603
    assert raw(url, "SELECT count(*) FROM event") == 1
    services.note("schedd ap", 0.0, 0.0, 0.0)  # it says the same; of any time, for the clock is one of a test
    its["ahead"]._leapt = -1e9
    clock.wall += timedelta(hours=1)
    writer.deliver([cycle("A", at=clock.wall)])
    writer.close()
    assert len(HistoryReader(url).last("A", 9999)) == 2, "then what is old goes"


def test_the_size_is_bounded_by_whatever_clock(url: str, path: Path) -> None:
    clock = SetClock(T0)
    ahead = SetAhead(T0.timestamp() - 9 * 86400, Clocks(), lambda: 0.0)
    writer = HistoryWriter(url, "f", max_bytes=600_000, clock=clock, ahead=ahead)
    for hour in range(60):
        clock.wall = T0 + timedelta(hours=hour)
        writer.deliver(list(series("A", clock.wall, 240, every=10, seed=hour)))
    writer.close()
    assert ahead.doubt(clock.wall.timestamp())
    assert path.stat().st_size < 1_000_000
    assert HistoryReader(url).last("A", 1)[0].record.started >= T0 + timedelta(hours=59)


def test_space_of_thinned_cycles_is_given_back(url: str, path: Path) -> None:
    clock = SetClock(T0 + timedelta(days=1))
    writer = HistoryWriter(url, "f", clock=clock)
    writer.deliver(list(series("A", T0, 6000, every=10)))
    before = raw(url, "PRAGMA page_count")
    clock.wall = T0 + timedelta(days=20)
    writer.deliver([cycle("A", at=clock.wall)])
    writer.close()
    after = raw(url, "PRAGMA page_count")
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after < before / 4
