"""The last numbers of each queue, kept small, to tell where they are going."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from autopyfactory.model.record import CycleRecord, Event

WINDOW = timedelta(minutes=10)
SPACING = timedelta(minutes=1)  # cycles closer together make one point: a thousand queues have as many lists


@dataclass(frozen=True, slots=True)
class Point:
    """The counts that one cycle saw."""

    at: datetime
    ready: int | None = None
    pending: int | None = None
    running: int | None = None
    submitted: int = 0


@dataclass(frozen=True, slots=True)
class Trend:
    """How counts changed since about ten minutes ago; None when that is not known."""

    ready: int | None = None
    pending: int | None = None
    running: int | None = None
    submitted: int = 0  # pilots sent in that time
    since: datetime | None = None


def point(record: CycleRecord) -> Point:
    """Return the counts of one cycle."""
    inputs = record.inputs
    wms, batch = (inputs.wms, inputs.batch) if inputs else (None, None)
    return Point(
        record.started,
        wms.ready if wms else None,
        batch.pending if batch else None,
        batch.running if batch else None,
        record.submitted,
    )


def trend(points: Iterable[Point]) -> Trend:
    """Return how counts changed over the last ten minutes of `points` (oldest first)."""
    known = list(points)
    if not known:
        return Trend()
    last = known[-1]
    window = [p for p in known if p.at >= last.at - WINDOW]
    first = window[0]

    def change(name: str) -> int | None:
        before, after = getattr(first, name), getattr(last, name)
        return None if before is None or after is None or first is last else after - before

    submitted = sum(p.submitted for p in window)
    return Trend(change("ready"), change("pending"), change("running"), submitted, first.at)


def added(points: list[Point], new: Point) -> None:
    """Put `new` behind `points`, a dozen at most, and drop what is older than the window.

    Points later than `new` are of a clock that was set back since: only what was sent then still holds.
    """
    while points and points[-1].at > new.at:
        new = replace(new, submitted=new.submitted + points.pop().submitted)
    while points and points[0].at < new.at - WINDOW:
        points.pop(0)
    # The last one always has the newest counts; it is closed once it is far enough from the one before.
    if len(points) > 1 and points[-1].at - points[-2].at < SPACING:
        sent = points.pop().submitted
        new = replace(new, submitted=new.submitted + sent) if sent else new
    points.append(new)


class Trends:
    """Takes in every cycle; `note` returns at once and is made for a factory's listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: dict[str, list[Point]] = {}

    def note(self, event: Event) -> None:
        """Remember the numbers of a cycle."""
        if isinstance(event, CycleRecord):
            with self._lock:
                added(self._points.setdefault(event.queue, []), point(event))

    def of(self, queue: str) -> Trend:
        """Return the trend of `queue`."""
        with self._lock:
            points = list(self._points.get(queue, ()))
        return trend(points)
