"""A history as a factory has kept it: written when things happened, so that nothing was too old for it."""

from datetime import datetime
from pathlib import Path

from autopyfactory.history.store import default_url
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.clock import SystemClock
from autopyfactory.model.record import CycleRecord, Event


class SetClock(SystemClock):
    """A clock whose wall time is set by hand."""

    def __init__(self, now: datetime):
        self.wall = now

    def now(self) -> datetime:
        return self.wall


def remember(state: Path, factory: str, *events: Event) -> None:
    """Write `events` into the history in the folder `state`, at the time of the last of them.

    By the clock of today a week-old cycle is thinned, and a day that a test has fixed is a week old one day.
    """
    last = max(e.started if isinstance(e, CycleRecord) else e.at for e in events)
    writer = HistoryWriter(default_url(state), factory, clock=SetClock(last))
    writer.deliver(events)
    writer.close()
