"""A reload applies a configuration as a whole, or refuses it, changes nothing and says why."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.factory.reload import Reloader
from place import Place


class Running:
    """What a factory is to its reloader: the configuration in force, a lock, and somebody to tell."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.configuration = self.load()
        self.lock = Lock()
        self.applied: list[Configuration] = []
        self.told: list[tuple[str, str]] = []
        self.reloader = Reloader(
            self.load,
            running=lambda: self.configuration,
            apply=self.apply,
            lock=self.lock,
            tell=lambda kind, text: self.told.append((kind, text)),
        )

    def load(self) -> Configuration:
        return load([str(self.place.conf)])

    def apply(self, configuration: Configuration) -> None:
        assert self.lock.held, "queues come and go meanwhile"
        self.configuration = configuration
        self.applied.append(configuration)

    def queues(self, text: str) -> None:
        (self.place.folder / "queues.conf").write_text(text)


class Lock:
    """Tells whether it is held."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.held = False

    def __enter__(self) -> None:
        self._lock.acquire()
        self.held = True

    def __exit__(self, *_: object) -> None:
        self.held = False
        self._lock.release()


@pytest.fixture
def running(place: Place) -> Running:
    return Running(place)


@pytest.mark.parametrize(("key", "value"), [("factoryId", "other"), ("statedir", "/tmp/other")])
def test_what_holds_its_pilots_and_state_cannot_change(running: Running, key: str, value: str) -> None:
    conf = running.place.conf
    lines = conf.read_text().splitlines()
    conf.write_text("\n".join(f"{key} = {value}" if t.startswith(f"{key} ") else t for t in lines))
    (problem,) = running.reloader.refusals(running.load())
    assert "cannot change while the factory runs" in str(problem)
    assert running.reloader.reload(allow_empty=True).problems == (problem,)
    assert running.applied == []


def test_what_waits_for_a_start_is_applied_and_told_until_it_is_undone(running: Running) -> None:
    before = running.place.conf.read_text()
    running.place.configure(history__keepdays="17")
    for _ in range(2):
        report = running.reloader.reload(allow_empty=False)
        assert report.applied and [p.key for p in report.problems if p.severity == "warning"]
        assert [p.key for p in running.reloader.postponed(running.configuration)] == ["history.keepdays"]
    running.place.conf.write_text(before)
    assert running.reloader.postponed(running.load()) == ()


def test_an_error_that_was_there_before_refuses_nothing_and_a_new_one_does(running: Running) -> None:
    assert any(p.section == "wrong" for p in running.configuration.problems)
    assert running.reloader.refusals(running.load()) == ()
    running.place.configure("[south]\nwmsqueue = south\nsched.maxtorun.maximum = many\n")
    (problem,) = running.reloader.refusals(running.load())
    assert (problem.section, problem.key) == ("south", "sched.maxtorun.maximum")


def test_a_reload_that_fails_leaves_all_as_it_was_and_is_told(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    before = running.configuration

    def fail() -> Any:
        raise RuntimeError("no such thing")

    running.place.conf.rename(running.place.folder / "away")
    for source in (running.load, fail):  # a file that is not there; an error of our own
        running.reloader.load = source
        report = running.reloader.reload(allow_empty=False)
        assert (report.applied, report.changes) == (False, None)
        assert report.problems
        assert running.told.pop() == ("problem", f"reload refused: {report.problems[0]}")
        written = [r.getMessage().strip() for r in caplog.records if r.levelno == logging.ERROR]
        assert all(str(problem) in written for problem in report.problems)
    assert (running.applied, running.configuration, running.told) == ([], before, [])


def test_what_goes_wrong_while_it_is_applied_is_told_and_gives_the_lock_back(running: Running) -> None:
    running.reloader._apply = lambda new: 1 / 0  # type: ignore[assignment,return-value]
    report = running.reloader.reload(allow_empty=False)
    assert (report.applied, str(report.problems[0])) == (False, "error: internal error: division by zero")
    assert [kind for kind, _ in running.told] == ["problem"]
    assert not running.lock.held


def test_queues_that_vanish_all_at_once_are_a_mistake_unless_it_is_said(running: Running) -> None:
    running.queues("")
    assert not running.reloader.reload(allow_empty=False).applied
    assert running.applied == []
    assert [kind for kind, _ in running.told] == ["problem"]
    report = running.reloader.reload(allow_empty=True)
    assert report.applied, report.problems
    assert running.configuration.queues == {}
    assert running.told[-1] == ("reloaded", "0 queues added, 3 removed, 0 changed")


def test_a_reload_of_what_is_there_changes_nothing(running: Running) -> None:
    report = running.reloader.reload(allow_empty=False)
    assert report.applied and report.changes is not None
    assert (report.changes.added, report.changes.removed, tuple(report.changes.changed)) == ((), (), ())
    assert running.told == [("reloaded", "0 queues added, 0 removed, 0 changed")]


def test_what_comes_next_is_compared_with_what_was_applied_last(running: Running) -> None:
    text = (running.place.folder / "queues.conf").read_text()
    running.queues(f"{text}[north]\nwmsqueue = north\n")
    for added in (("north",), ()):
        report = running.reloader.reload(allow_empty=False)
        assert report.changes is not None and report.changes.added == added
