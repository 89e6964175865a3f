"""Queues that are woken together get up one after the other, each when the one before comes to decide.

A source that answers again wakes all its queues. A thousand threads that all get up at that moment mostly
take the interpreter from each other: their cycles take twice as long, and so does everything else meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LONGEST = 5.0  # seconds to wait in the line: what is done before one decides may be slow, and is no reason

Rouse = Callable[[], bool]
"""Wakes one queue; tells whether it slept, and so will come to decide."""


class Line:
    """Those that are to be woken, in the order in which that was asked for; used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Rouse, float] = {}  # since when (monotonic)
        self._rising: Rouse | None = None  # was woken and has not come to decide yet
        self._moved = True  # somebody was woken since the last look

    def call(self, rouse: Rouse) -> None:
        """Wake by `rouse` when those called before have got up; at once when nobody is getting up."""
        with self._lock:
            self._waiting.setdefault(rouse, time.monotonic())
            if self._rising is not None:
                return
        self._wake_one()

    def next(self) -> None:
        """Wake the next one: whoever comes to decide calls this."""
        if self._rising is not None:
            self._wake_one()

    def back(self, rouse: Rouse) -> None:
        """Wake the next one if that which `rouse` wakes sleeps again, or ends, and never came to decide."""
        if self._rising == rouse:
            self._wake_one()

    def _wake_one(self) -> None:
        while (rouse := self._first()) is not None:
            if rouse():
                return

    def _first(self) -> Rouse | None:
        with self._lock:
            self._moved = True
            self._rising = next(iter(self._waiting), None)
            if self._rising is not None:
                del self._waiting[self._rising]
            return self._rising

    def look(self) -> None:
        """Wake who has waited for too long, and the next one if nobody was woken since the last look.

        Called every now and then: whoever was woken may hang in what comes before it decides.
        """
        limit = time.monotonic() - LONGEST
        with self._lock:
            moved, self._moved = self._moved, False
            late = [rouse for rouse, since in self._waiting.items() if since <= limit]
            for rouse in late:
                del self._waiting[rouse]
        for rouse in late:
            rouse()
        if not moved:
            self.next()
