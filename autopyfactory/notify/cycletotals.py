"""How many cycles there were since the start, how they ended and how long they took: for metrics."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from autopyfactory.model.record import CycleRecord, Event

BOUNDS = (
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)  # seconds, upper ends of buckets


@dataclass(frozen=True, slots=True)
class Totals:
    """The cycles of all queues since the factory was started."""

    cycles: int = 0
    seconds: float = 0.0  # all of them together
    buckets: tuple[int, ...] = (0,) * (len(BOUNDS) + 1)  # cycles up to each of BOUNDS (each alone), and above
    outcomes: Mapping[str, int] = field(default_factory=dict)


class CycleTotals:
    """Adds up cycles; `note` returns at once and is made for a factory's listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._outcomes: Counter[str] = Counter()

    def note(self, event: Event) -> None:
        """Count a cycle."""
        if isinstance(event, CycleRecord):
            with self._lock:
                self._seconds += event.duration
                self._buckets[bisect_left(BOUNDS, event.duration)] += 1
                self._outcomes[event.outcome] += 1

    def totals(self) -> Totals:
        """Return the sums up to now."""
        with self._lock:
            return Totals(
                sum(self._buckets), self._seconds, tuple(self._buckets), dict(sorted(self._outcomes.items()))
            )
