"""What everybody hears of a factory: its cycles, and what happens to it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from autopyfactory.accounting.requests import Tell
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.history.attach import history_reporter
from autopyfactory.model.clock import Clock
from autopyfactory.model.record import CycleRecord, Event, FactoryEvent
from autopyfactory.notify import pilotreports, wrapperpings
from autopyfactory.notify.cycletotals import CycleTotals
from autopyfactory.notify.delivery import BatchReporter
from autopyfactory.notify.digest import Taken, Users
from autopyfactory.notify.mail import mailer
from autopyfactory.notify.monitors import Monitors
from autopyfactory.notify.trends import Trends

log = logging.getLogger("autopyfactory.factory")

LAST_WORDS = 1.0  # seconds that each has at the end to deliver what waits


class Reporting:
    """Passes on what it is told to all that listen, at once: none of them can delay a cycle."""

    def __init__(self, configuration: Configuration, clock: Clock, *, taken: Taken, users: Users):
        """Prepare; `taken` and `users` are those of a `Mailer`."""
        self._clock = clock
        self.listeners: list[Callable[[Event], None]] = []  # each must return at once
        self.monitors = Monitors()
        self.trends = Trends()
        self.cycle_totals = CycleTotals()
        self.listeners += [self.trends.note, self.cycle_totals.note]
        self.history = history_reporter(configuration.factory)
        if self.history is not None:
            self.listeners.append(self.history.report)
        self.mailer = mailer(configuration, taken, users)
        if self.mailer is not None:
            self.listeners.append(self.mailer.report)
        self.pings: wrapperpings.Listener | None = None
        self.reports: pilotreports.Listener | None = None

    def hear_pilots(
        self, configuration: Configuration, key: bytes | None, queue_of: Callable[[str], str | None]
    ) -> None:
        """Begin to take what pilots tell of themselves, as far as that is configured and a history kept.

        key: with which their reports prove who they are; queue_of: the queue of a submission, by its tag.
        """
        if self.history is None:
            return
        parts, name = configuration.parts, configuration.factory.factory_id
        self.pings = wrapperpings.listener(parts.get("pings"), name, self.history.report)
        self.reports = pilotreports.listener(parts.get("reports"), key, self.history.report, queue_of)

    def cycle(self, record: CycleRecord, queue: QueueConfig | None) -> None:
        """Tell of a cycle; its queue's monitors hear of it, too. `queue`: None, it does not run any more."""
        self._tell(record)
        if queue is not None:
            self.monitors.report(record, queue)

    def announce(
        self, kind: str, text: str, queue: str | None = None, code: str = "", credential: str = ""
    ) -> None:
        """Tell of what happened to the factory, all monitors too.

        `code`: of the cause in `why`, of a problem; `credential`: that it is of, in place of a queue.
        """
        log.info("%s%s", f"{queue}: " if queue else "", text if text.startswith(kind) else f"{kind}: {text}")
        facts = {"code": code, "credential": credential}
        event = FactoryEvent(kind, self._clock.now(), text, queue, {k: v for k, v in facts.items() if v})
        self._tell(event)
        self.monitors.report(event)

    def book_tells(self, tell: Tell) -> None:
        """Tell of what the book of pilots found."""
        facts: dict[str, int | float | str] = {"place": tell.place, "pilots": tell.pilots}
        self._tell(FactoryEvent(f"pilots {tell.kind}", self._clock.now(), tell.text, tell.queue, facts))

    def _tell(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)

    def reporters(self) -> list[BatchReporter]:
        """Return what carries events to the monitors and to the history."""
        return [*self.monitors.reporters(), *([self.history] if self.history else [])]

    def close(self, end: float) -> None:
        """Deliver what waits, a moment each and until `end` (monotonic) at most, and hear nothing more."""
        for reporter in self.reporters():
            reporter.close(self._left(end))
        for ears in (self.pings, self.reports):
            if ears is not None:
                ears.close()
        if self.mailer is not None:
            self.mailer.close(self._left(end))

    def _left(self, end: float) -> float:
        return max(0.0, min(LAST_WORDS, end - self._clock.monotonic()))
