"""Tells whether this host's clock may have been set far ahead: nothing is to be deleted by such a clock.

A clock is believed as far as a day ahead of what it last said, and beyond that when somebody says the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from autopyfactory.external.clocks import CLOCKS, Clocks
from autopyfactory.model.text import span

DAY = 86400.0
ASKED = 120.0  # seconds that no question to a service takes: who answers after them was asked since


class SetAhead:
    """Compares what the clock says with what it said before, and with what services say; thread-safe."""

    def __init__(
        self,
        said: float | None = None,
        clocks: Clocks = CLOCKS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`said`: the latest time (Unix) that is known to have been, by now; None: none is."""
        self._clocks = clocks
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: tuple[float, float] | None = None  # a time that is believed, and when that was
        self._leapt: float | None = None  # monotonic: since when the clock is more than a day ahead of that
        self._denied = False  # by who said last what the time is
        self.said(said)

    def said(self, wall: float | None) -> None:
        """Note that it has been `wall` (Unix time), by an earlier life; the first that is known counts."""
        with self._lock:
            if self._known is None and wall is not None:
                self._known = wall, self._monotonic()

    def doubt(self, now: float) -> str:
        """Return why it may not be `now` (Unix time), which the clock says; empty: it is believed."""
        with self._lock:
            wrong = self._doubt(now, self._monotonic())
            if not wrong:
                self._known = now, self._monotonic()
            return wrong

    def _doubt(self, now: float, at: float) -> str:
        wall, then = self._known or (now, at)
        ahead = now - wall - (at - then)
        if ahead <= DAY:
            self._leapt = None
        elif self._leapt is None:
            self._leapt = at
        # Of a clock that was set just now only those can tell who were asked after that.
        since = float("-inf") if self._leapt is None else self._leapt + ASKED
        if wrong := self._clocks.ours(since):
            self._denied = True
            return wrong
        if self._clocks.witnesses(since):
            self._denied = False
            return ""
        if self._denied:
            return "this host's clock was wrong when somebody last said what the time is"
        if self._leapt is None or at - self._leapt >= DAY:  # nobody has contradicted for a day
            return ""
        return (
            f"this host's clock is {span(ahead)} ahead of what it last said, "
            "and nobody else has said what the time is"
        )
