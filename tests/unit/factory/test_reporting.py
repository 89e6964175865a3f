"""Everybody hears what concerns them, once; at the end what waits is delivered, but not for ever."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from autopyfactory.accounting.requests import Tell
from autopyfactory.config.build import load
from autopyfactory.factory.reporting import LAST_WORDS, Reporting
from autopyfactory.model.clock import SystemClock
from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.notify.digest import by_nobody, of_nobody
from contracts.records import cycle
from fakes import FakeClock
from place import Place

CLOCK = SystemClock()


def reporting(place: Place, clock: Any = CLOCK) -> Reporting:
    return Reporting(load([str(place.conf)]), clock, taken=of_nobody, users=by_nobody)


@pytest.fixture
def made(place: Place) -> Reporting:
    place.configure(history__enabled="False")
    return reporting(place, FakeClock())


class Monitors:
    """Notes what monitors would hear, and of which queue."""

    def __init__(self) -> None:
        self.heard: list[tuple[Event, str | None]] = []

    def report(self, event: Event, queue: Any = None) -> None:
        self.heard.append((event, queue.name if queue else None))


@pytest.fixture
def heard(made: Reporting) -> list[Event]:
    found: list[Event] = []
    made.listeners.append(found.append)
    made.monitors = Monitors()  # type: ignore[assignment]
    return found


def test_a_cycle_is_heard_by_all_and_by_the_monitors_of_its_queue(
    made: Reporting, heard: list[Event], place: Place
) -> None:
    record, east = cycle("east"), load([str(place.conf)]).queues["east"]
    made.cycle(record, east)
    assert heard == [record]
    assert made.monitors.heard == [(record, "east")]  # type: ignore[attr-defined]
    assert made.trends.of("east").submitted == record.submitted
    assert made.cycle_totals.totals().cycles == 1


def test_a_cycle_of_a_queue_that_is_gone_is_no_monitors(made: Reporting, heard: list[Event]) -> None:
    made.cycle(cycle("east"), None)
    assert len(heard) == 1
    assert made.monitors.heard == []  # type: ignore[attr-defined]


def test_what_is_announced_is_heard_by_all_and_logged_with_its_queue(
    made: Reporting, heard: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "autopyfactory.factory")
    made.announce("problem", "does not run", "east", "broken-configuration")
    made.announce("problem", "it ends", code="credential", credential="prod")
    made.announce("stopped", "stopped by hand")
    now = made._clock.now()
    assert heard == [
        FactoryEvent("problem", now, "does not run", "east", {"code": "broken-configuration"}),
        FactoryEvent("problem", now, "it ends", None, {"code": "credential", "credential": "prod"}),
        FactoryEvent("stopped", now, "stopped by hand", None, {}),
    ]
    assert made.monitors.heard == [(event, None) for event in heard]  # type: ignore[attr-defined]
    said = ["east: problem: does not run", "problem: it ends", "stopped by hand"]
    assert caplog.messages == said, "no word is there twice"


def test_what_the_book_finds_is_heard_by_all_that_listen(made: Reporting, heard: list[Event]) -> None:
    made.book_tells(Tell(kind="lost", place="ap", queue="east", pilots=3, text="three are gone"))
    facts = {"place": "ap", "pilots": 3}
    assert heard == [FactoryEvent("pilots lost", made._clock.now(), "three are gone", "east", facts)]


@pytest.mark.parametrize(("value", "kept"), [("True", ["history"]), ("False", [])])
def test_a_history_is_kept_unless_that_is_switched_off(place: Place, value: str, kept: list[str]) -> None:
    place.configure(history__enabled=value)
    assert [reporter.status().name for reporter in reporting(place).reporters()] == kept


@pytest.mark.parametrize("value", ["True", "False"])
def test_pilots_are_listened_to_only_where_what_they_say_is_kept(place: Place, value: str) -> None:
    place.configure(history__enabled=value, pings__listen="127.0.0.1:0", reports__listen="127.0.0.1:0")
    made = reporting(place)
    try:
        made.hear_pilots(load([str(place.conf)]), b"k" * 32, lambda tag: None)
        assert [ears is not None for ears in (made.pings, made.reports)] == [value == "True"] * 2
    finally:
        made.close(CLOCK.monotonic() + 1)


def test_mail_is_sent_where_there_is_somebody_to_send_it_to(place: Place) -> None:
    assert reporting(place).mailer is None
    place.configure(factoryAdminEmail="me@example.org", factorySMTPServer="127.0.0.1:1")
    made = reporting(place)
    assert made.mailer is not None and made.mailer.report in made.listeners


class Closing:
    """Notes how much time it is given, and takes it."""

    def __init__(self, clock: FakeClock, takes: float) -> None:
        self.clock, self.takes, self.given = clock, takes, -1.0

    def close(self, timeout: float) -> None:
        self.given = timeout
        self.clock.advance(self.takes)


def test_each_has_a_moment_at_the_end_and_all_together_no_longer_than_allowed(
    made: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock: Any = made._clock
    slow = [Closing(clock, 1.0) for _ in range(3)]
    made.mailer = Closing(clock, 0.0)  # type: ignore[assignment]
    monkeypatch.setattr(made, "reporters", lambda: slow)
    made.close(clock.monotonic() + 2.5)
    assert [one.given for one in slow] == [LAST_WORDS, LAST_WORDS, 0.5]
    assert made.mailer.given == 0.0, "never less than nothing"  # type: ignore[union-attr]


def test_a_history_that_does_not_answer_delays_the_end_by_a_moment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reporting(place)
    assert made.history is not None
    given: list[float] = []
    monkeypatch.setattr(made.history, "close", given.append)
    made.close(time.monotonic() + 60)
    assert given == [LAST_WORDS]
