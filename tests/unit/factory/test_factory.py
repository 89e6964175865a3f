"""What a factory may change while it runs, what it says about itself, and how it ends."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from autopyfactory.accounting.protocol.accounts import Policy
from autopyfactory.config.build import load
from autopyfactory.model.record import CycleRecord, FactoryEvent, Troubles
from autopyfactory.plugins.processes import pilots
from contracts.records import T0, cycle
from fakes import FakeClock
from patience import PATIENCE, until
from place import Place


def events(factory: Any) -> list[tuple[str, str | None]]:
    """Return a list that will hold what the factory announces: kind, queue."""
    heard: list[tuple[str, str | None]] = []

    def hear(event: object) -> None:
        if isinstance(event, FactoryEvent):
            heard.append((event.kind, event.queue))

    factory.reporting.listeners.append(hear)
    return heard


def test_only_queues_that_are_switched_on_are_to_run(place: Place) -> None:
    factory = place.made()
    assert set(factory.enabled(factory.configuration)) == {"east", "west"}
    place.configure(enablequeues="False")
    assert factory.enabled(load([str(place.conf)])) == {}
    assert factory.queues == {}, "nothing runs before it has started"
    factory.shutdown(1)


def test_what_was_sent_is_written_down_before_it_ends(place: Place) -> None:
    factory = place.made()
    factory.shared.submit_records.write(place.folder / "submit.1.jdl", "queue 1\n")
    factory.shutdown(PATIENCE)
    assert (place.folder / "submit.1.jdl").read_text() == "queue 1\n"


def test_how_patient_the_book_is_can_be_configured_and_changed(place: Place) -> None:
    factory = place.made()
    assert factory.book.policy == Policy(), "the defaults are declared in two places"
    place.configure(**{"book.apart": "100", "book.underway": "60", "book.lease": "7200"})
    assert factory.reload().applied
    assert factory.book.policy == Policy(60, 100, 200, 7200)
    factory.shutdown(1)


def test_a_reload_starts_ends_and_replaces_queues(place: Place) -> None:
    factory = place.start()
    heard = events(factory)
    east, west = factory.queues["east"], factory.queues["west"]
    text = (place.folder / "queues.conf").read_text()
    text = text.replace("[west]\nwmsqueue = west\n", "")
    text = text.replace("wmsqueue = east", "wmsqueue = east\napfqueue.sleep = 0.3")
    (place.folder / "queues.conf").write_text(f"{text}[north]\nwmsqueue = north\n")
    report = factory.reload()
    assert report.applied, report.problems
    assert report.changes is not None
    assert (report.changes.added, report.changes.removed) == (("north",), ("west",))
    assert set(report.changes.changed) == {"east"}
    until(lambda: not west.alive and set(factory.queues) == {"east", "north"}, "queues to come and go")
    until(lambda: not east.alive and factory.queues["east"] is not east, "the changed queue's successor")
    until(lambda: factory.queues["north"].last, "the new queue's first cycle")
    assert ("reloaded", None) in heard


def test_a_queue_that_cannot_start_is_told_once_and_costs_no_other(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autopyfactory.plugins.batchsubmit.exec import Exec

    real = Exec.__init__

    def init(self: Exec, options: Any, context: Any) -> None:
        if context.queue == "west":
            raise RuntimeError("no disk")
        real(self, options, context)

    monkeypatch.setattr(Exec, "__init__", init)
    factory = place.made()
    heard = events(factory)
    factory.start()
    stop = threading.Event()
    house = threading.Thread(target=factory.run, args=(stop,), daemon=True)
    house.start()
    try:
        until(lambda: factory.queues["east"].cycles_run > 3, "the other queue to go on")
        assert "no disk" in factory.failures["west"].text
        assert heard.count(("problem", "west")) == 1
    finally:
        stop.set()
        factory.shutdown(PATIENCE)
        house.join(PATIENCE)


def test_nobody_sends_when_the_state_has_gone(place: Place) -> None:
    factory = place.start()
    assert factory.neighbours.blocked() == ()
    records: list[CycleRecord] = []

    def hear(event: object) -> None:
        if isinstance(event, CycleRecord):
            records.append(event)

    factory.reporting.listeners.append(hear)
    shutil.move(place.folder / "state/ledger.db", place.folder / "elsewhere")
    until(lambda: len(factory.neighbours.blocked()) == 1, "the loss to be noticed")
    until(lambda: any("ledger" in r.reason and r.submitted == 0 for r in records), "a cycle that says why")


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("cycles", [0, 1])
def test_limited_cycles_end_also_when_no_queue_is_enabled(place: Place, cycles: int, enabled: bool) -> None:
    """As docs/migration.md uses `--cycles 0`: build everything, send nothing, end."""
    place.configure(enablequeues=str(enabled))
    factory = place.made(oneshot_cycles=cycles)
    factory.start()
    factory.run(threading.Event())
    assert all(queue.cycles_run == cycles for queue in factory.queues.values())
    assert bool(factory.queues) == enabled


def test_after_its_cycles_it_ends_by_itself(place: Place) -> None:
    factory = place.made(oneshot_cycles=2)
    factory.start()
    factory.run(threading.Event())
    assert {queue.cycles_run for queue in factory.queues.values()} == {2}
    assert not any(queue.alive for queue in factory.queues.values())
    factory.shutdown(PATIENCE)


def test_the_end_is_told_and_leaves_pilots_alone(place: Place) -> None:
    before = set(threading.enumerate())
    factory = place.start()
    until(lambda: factory.queues["east"].last.inputs.batch.running == 2)
    heard = events(factory)
    place.stop()
    assert heard[-1] == ("stopped", None)
    assert len([p for p in pilots() if p.factory == place.name]) == 2

    def at_work() -> list[threading.Thread]:
        return [t for t in set(threading.enumerate()) - before if t.name.startswith(("queue ", "source "))]

    until(lambda: not at_work(), "its threads to end")


def test_listeners_hear_every_cycle_and_a_queue_knows_its_neighbours(place: Place) -> None:
    place.configure(
        "[south]\nwmsqueue = east\nschedplugin = Ready, MaxPerFactory\n", maxperfactory__maximum="3"
    )
    factory = place.start()
    until(lambda: factory.queues["east"].last.inputs.batch.running == 2)

    def alike() -> bool:
        """Tell whether the factory's limit is reached, and its rule knows of as many pilots as there are."""
        counts = [factory.queues[name].last.inputs.batch.running for name in ("east", "south")]
        return factory.neighbours.other_queues("south").factory_active == sum(counts) >= 3

    until(alike, "what a queue knows of the others to be what they have")
    assert Path(factory.state_dir, "ledger.db").exists()


# --- a factory that has not started: what it decides by itself ------------------------------------


@pytest.fixture
def still(place: Place) -> Iterator[Any]:
    """A factory whose queues are all switched off, so nothing runs unless a test lets it."""
    place.configure(enablequeues="False")
    made = place.made(clock=FakeClock())
    yield made
    made.shutdown(1)


class Rounds(threading.Event):
    """Lets `run` go round so many times, and passes `seconds` of the factory's time in each."""

    def __init__(self, factory: Any, times: int, seconds: float):
        super().__init__()
        self.left, self.seconds = times, seconds
        self.clock = factory.clock

    def wait(self, timeout: float | None = None) -> bool:
        self.clock.advance(self.seconds)
        self.left -= 1
        return self.left < 0


def test_many_things_are_settled_after_a_reload_that_failed_too(still: Any, place: Place) -> None:
    settled: list[bool] = []
    still.settled = lambda: settled.append(True)
    still.reload()
    place.conf.unlink()
    assert not still.reload().applied
    assert len(settled) == 2


def test_it_reads_its_configuration_anew_as_often_as_it_is_told(
    still: Any, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reloads: list[float] = []
    monkeypatch.setattr(still, "reload", lambda: reloads.append(still.clock.monotonic()))
    still.run(Rounds(still, 50, 10))
    assert reloads == [], "only if it is told to"
    place.configure(**{"config__reconfig": "True", "config__reconfig__interval": "100"})
    still.configuration = load([str(place.conf)])
    still.run(Rounds(still, 50, 10))
    gaps = {later - earlier for earlier, later in itertools.pairwise(reloads)}
    assert 4 <= len(reloads) <= 5, "not at its start, which has just read it"
    assert all(100 <= gap <= 110 for gap in gaps)


def test_it_reports_its_life_in_each_round_and_looks_after_things_once_in_a_while(
    still: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[bool] = []
    looked: list[bool] = []
    still.watchdog = lambda: alive.append(True)
    monkeypatch.setattr(still.reporting.monitors, "retry", lambda: looked.append(True))
    still.run(Rounds(still, 12, still.configuration.factory.sleep / 3))
    assert len(alive) == 12
    assert 4 <= len(looked) <= 5


def test_without_queues_it_ends_only_if_it_is_told_to(still: Any, place: Place) -> None:
    rounds = Rounds(still, 3, 1)
    still.run(rounds)
    assert rounds.left < 0, "it went on until it was stopped"
    place.configure(abort_no_queues="True")
    still.configuration = load([str(place.conf)])
    rounds = Rounds(still, 3, 1)
    still.run(rounds)
    assert rounds.left == 2


def test_what_pilots_suffer_goes_with_each_cycle_to_all_that_listen(
    still: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    still.reporting.listeners.append(heard.append)
    still._report(cycle("east"))
    assert (heard[-1].troubles, heard[-1].credential) == (None, None)
    troubles = Troubles(T0, ce_down=3)
    monkeypatch.setattr(still.troubles, "of", lambda queue: troubles)
    monkeypatch.setattr(still.troubles, "credential", lambda queue: "the proxy is over")
    still._report(cycle("east"))
    assert (heard[-1].troubles, heard[-1].credential) == (troubles, "the proxy is over")
    assert heard[-1].decision == cycle("east").decision, "the rest is as the cycle told it"


def test_pilots_as_processes_leave_no_zombies_under_steady_demand(place: Place) -> None:
    """They were collected in cycles that sent nothing, and there were none."""
    place.configure(
        "[busy]\nschedplugin = Fixed\nsched.fixed.pilotspercycle = 3\n"
        "executable = /bin/true\nexecutable.arguments =\n"
    )
    factory = place.start()
    busy = factory.queues["busy"]
    until(lambda: busy.cycles_run > 20 and factory.book.total("busy") > 60, "many pilots")
    until(lambda: zombies() <= 6, "none but those of the last cycle or two")
    assert max(zombies() for _ in range(20)) < 30, "of more than sixty"


def zombies() -> int:
    """Return how many children of this process have ended and were not collected."""
    found = 0
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            found += child.status() == psutil.STATUS_ZOMBIE
    return found


def test_what_is_underway_is_told_by_what_its_files_are_named_by(place: Place) -> None:
    began = datetime.now(UTC)
    factory = place.start()
    until(lambda: factory.queues["east"].last.inputs.batch.running == 2)
    clock = factory.clock
    try:
        factory.clock = SimpleNamespace(now=lambda: began, monotonic=clock.monotonic)
        never = {"west": {""}, "off": {""}}  # nothing was ever sent for them: a new book cannot tell
        assert factory.underway() == never, "they are of today"
        factory.clock = SimpleNamespace(now=lambda: began + timedelta(days=2), monotonic=clock.monotonic)
        named = {file.name.partition(".")[0] for file in (place.folder / "pilots").glob("*/east/*.out")}
        assert named and factory.underway() == {"east": named, **never}
        (factory.state_dir / "ledger.db").rename(factory.state_dir / "gone.db")
        until(lambda: factory.underway() is None, "a book that is lost")
    finally:
        factory.clock = clock
