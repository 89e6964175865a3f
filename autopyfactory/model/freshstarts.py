"""Pilots that started so lately that the WMS cannot show yet what they took.

A pilot that starts leaves the pending ones at once; the job it takes leaves the ready ones later: after it
has called home, and when the WMS is next asked. In between the job looks as if nobody came for it. Counting
such pilots as still on their way keeps it from being sent for twice.
"""

from __future__ import annotations

KEEP = 50  # batch snapshots


class Starts:
    """Counts a queue's starts between the snapshots of its pilots."""

    def __init__(self) -> None:
        self._running: int | None = None
        self._last = 0.0
        self._starts: list[tuple[float, int]] = []  # the latest comes last; most queues have none

    def note(self, taken: float, running: int) -> None:
        """Take in that `running` pilots ran in the snapshot asked for at monotonic time `taken`.

        Growth is counted: pilots that ended meanwhile hide as many starts, so that this is never too many.
        """
        if taken == self._last:
            return
        if self._running is not None and running > self._running:
            self._starts = [*self._starts, (taken, running - self._running)][-KEEP:]
        self._running, self._last = running, taken

    def since(self, moment: float) -> int:
        """Return the pilots that were first seen running after monotonic time `moment`."""
        return sum(n for taken, n in self._starts if taken > moment)
