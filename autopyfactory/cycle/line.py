"""Queues that are woken together get up one after the other, each when the one before comes to decide.

A source that answers again wakes all its queues. A thousand threads that all get up at that moment mostly
take the interpreter from each other: their cycles take twice as long, and so does everything else meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

Rouse = Callable[[], bool]
"""Wakes one queue; tells whether it slept, and so will come to decide."""


class Line:
    """Those that are to be woken, in the order in which that was asked for; used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Rouse, None] = {}
        self._moves = False  # somebody was woken and has not come to decide yet
        self._moved = True  # so it was since the last look

    def call(self, rouse: Rouse) -> None:
        """Wake by `rouse` when those called before have got up; at once when nobody is getting up."""
        with self._lock:
            self._waiting[rouse] = None
            if self._moves:
                return
        self._wake_one()

    def next(self) -> None:
        """Wake the next one: whoever comes to decide calls this."""
        if self._moves:
            self._wake_one()

    def _wake_one(self) -> None:
        while (rouse := self._first()) is not None:
            if rouse():
                return

    def _first(self) -> Rouse | None:
        with self._lock:
            self._moved = True
            self._moves = bool(self._waiting)
            if not self._moves:
                return None
            rouse = next(iter(self._waiting))
            del self._waiting[rouse]
            return rouse

    def look(self) -> None:
        """Wake the next one if nobody has got up since the last look; called every now and then.

        Whoever was woken may hang in what comes before it decides, or end.
        """
        with self._lock:
            moved, self._moved = self._moved, False
        if not moved:
            self.next()
