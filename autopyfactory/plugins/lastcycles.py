"""What one queue lets others know, so that a queue can serve what another one cannot.

Every cycle of every queue is noted on a board; the WMS status source `Queue` reads it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.decision import Decision, Step
from autopyfactory.model.declaration import Part
from autopyfactory.model.record import CycleRecord, Event

# Rules that hold back what the same queue sends soon, or that hold nothing back.
SPREADS: frozenset[Part] = frozenset({"divides", "scales", "paces", "guards", "raises", "passes"})


@dataclass(frozen=True, slots=True)
class Note:
    """The last cycle of a queue, and the monotonic time at which it was noted."""

    record: CycleRecord
    at: float

    def age(self, now: float) -> float:
        """Return how old the information is that the cycle was decided on, in seconds."""
        return max(0.0, now - self.at) + max(self.record.ages.values(), default=0.0)


class Board:
    """Holds the last cycle of each queue."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self._notes: dict[str, Note] = {}
        self._lock = threading.Lock()

    def note(self, event: Event) -> None:
        """Take note of a cycle; returns at once."""
        if isinstance(event, CycleRecord):
            with self._lock:
                self._notes[event.queue] = Note(event, self.clock.monotonic())

    def last(self, queue: str) -> Note | None:
        """Return the last cycle of `queue`; None if it has run none."""
        with self._lock:
            return self._notes.get(queue)


def overflow(record: CycleRecord) -> int | None:
    """Return the work that the queue has, but has no room for; None when that cannot be told.

    It is what the chain wanted before any limit, less what was sent. A queue that is only paced (so many per
    cycle) will take it all itself soon: nothing flows over then.
    """
    if record.inputs is None or record.inputs.wms is None or record.inputs.batch is None:
        return None
    if record.decision is None or (record.gate and record.outcome == "held back"):
        return None
    start, after = _from_the_start(record.decision)
    wanted = max(0, start)
    if wanted <= 0:
        return 0
    full = (
        record.outcome in ("paused", "failed")
        or bool(record.caps)
        or any(s.n_out < s.n_in and s.part not in SPREADS for s in after)
    )
    return max(0, wanted - record.submitted) if full else 0


def _from_the_start(decision: Decision) -> tuple[int, Sequence[Step]]:
    """Return the number that the rule which starts the chain gave, and the steps after it."""
    steps = decision.steps
    starts = [i for i, s in enumerate(steps) if s.part == "starts"]
    at = starts[-1] if starts else 0
    return (steps[at].n_out if steps else 0), steps[at + 1 :]
