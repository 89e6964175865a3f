"""Time, so that tests can hold it still.

Ages are always differences of monotonic readings: a wall clock that jumps neither ages nor
refreshes what the factory knows. Wall time is for people and for file names only.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where time comes from."""

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""


class SystemClock:
    """The machine's own clocks."""

    monotonic = staticmethod(time.monotonic)  # asked for many times in a cycle

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC."""
        return datetime.now(UTC)
