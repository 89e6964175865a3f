"""How many lines were logged, by level; for metrics."""

from __future__ import annotations

import logging
from collections.abc import Mapping

LEVELS = ("warning", "error", "critical")


class LevelCounts(logging.Handler):
    """A handler that only counts. It may miss one when two threads log at once: nobody waits for a lock."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.counts = dict.fromkeys(LEVELS, 0)

    def createLock(self) -> None:
        """Need no lock."""
        self.lock = None

    def emit(self, record: logging.LogRecord) -> None:
        """Count a line."""
        level = record.levelname.lower()
        if level in self.counts:
            self.counts[level] += 1

    def sums(self) -> Mapping[str, int]:
        """Return the sums up to now."""
        return dict(self.counts)


COUNTS = LevelCounts()
"""The one of this process; `logs.setup` adds it."""
