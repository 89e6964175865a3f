"""How long pilots of a queue may wait until it is worth a word: by what this queue usually sees."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

UNKNOWN = 360.0  # seconds, while too few pilots have started to know
LEAST = 180.0  # seconds: batch systems negotiate every few minutes
TIMES = 2.0  # what is usual
NONE_STARTED = 120.0  # seconds without a start
FEW = 5  # starts that tell nothing yet
QUANTILE = 0.95


def usual(waits: Sequence[float]) -> float | None:
    """Return the seconds within which nearly all of these pilots started; None when they are too few."""
    if len(waits) < FEW:
        return None
    return sorted(waits)[min(len(waits) - 1, int(QUANTILE * len(waits)))]


def patience(waits: Sequence[float]) -> float:
    """Return the seconds that a pilot may wait, by those (seconds) of pilots that started."""
    known = usual(waits)
    return UNKNOWN if known is None else max(LEAST, TIMES * known)


def starved(
    oldest_pending: datetime | None, newest_start: datetime | None, now: datetime, patience: float
) -> bool:
    """Whether nothing starts: a pilot waits for longer than `patience`, and none has started for a while."""
    if oldest_pending is None or (now - oldest_pending).total_seconds() <= patience:
        return False
    return newest_start is None or (now - newest_start).total_seconds() > NONE_STARTED
