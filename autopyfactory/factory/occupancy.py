"""How many pilots are out there in each scope that a cap can limit: the factory, a CE.

Counts are those of the latest snapshots plus what the ledger knows that they cannot show. For a schedd that
has not answered since the start they are the most that can be there, by the ledger: one schedd that is down
must not stop the queues of all others. Where nobody counts at all the scope is unknown, which grants nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.model.info import BatchStatus
from autopyfactory.sources.source import StatusSource

# Seconds: a thread may still be reading an older snapshot, which needs what a newer one makes dispensable.
MARGIN = 300.0


Source = StatusSource[BatchStatus] | None  # None: nobody counts the pilots


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pilots of one queue are."""

    ce: str
    target: str
    source: Source


class Occupancy:
    """Knows the place of each queue; queues that were removed stay known, their pilots still take slots."""

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._lock = threading.Lock()
        self._places: dict[str, Place] = {}
        # Derived from it, replaced as a whole and so readable without the lock; None: to be made anew.
        self._counted: frozenset[tuple[str, Source]] | None = None  # one schedd counts for all its queues
        self._at: dict[str, dict[str, Place]] = {}  # queues by CE

    def settle(self, queue: str, place: Place) -> None:
        """Note where the pilots of `queue` are from now on."""
        with self._lock:
            if (before := self._places.get(queue)) is not None:
                self._at[before.ce] = {q: p for q, p in self._at[before.ce].items() if q != queue}
            self._places[queue] = place
            self._at[place.ce] = {**self._at.get(place.ce, {}), queue: place}
            self._counted = None

    def _schedds(self) -> frozenset[tuple[str, Source]]:
        with self._lock:
            if self._counted is None:
                self._counted = frozenset((p.target, p.source) for p in self._places.values())
            return self._counted

    def active(self, scope: str) -> int | None:
        """Return the pilots pending or running in `scope` (`factory` or `ce:<name>`); None: not known."""
        if scope == "factory":
            return self._sum_all()
        total = 0
        for queue, place in self._at.get(scope.removeprefix("ce:"), {}).items():
            n = self._of_queue(queue, place)
            if n is None:
                return None
            total += n
        return total

    def _sum_all(self) -> int | None:
        total = 0
        # One schedd counts for all its queues at once, also for pilots of queues that are gone.
        for target, source in self._schedds():
            if source is None:
                return None
            snapshot = source.state.snapshot
            if snapshot is None:
                total += self._ledger.at_most(target)
            else:
                total += snapshot.data.active + self._ledger.unseen(target, snapshot.taken_mono)
        return total

    def _of_queue(self, queue: str, place: Place) -> int | None:
        if place.source is None:
            return None
        snapshot = place.source.state.snapshot
        if snapshot is None:
            return self._ledger.at_most(place.target, queue)
        unseen = self._ledger.unseen(place.target, snapshot.taken_mono, queue)
        return snapshot.data.queue(queue).active + unseen

    def forget_seen(self) -> None:
        """Drop from the ledger's memory what every snapshot from now on will show."""
        for target, source in self._schedds():
            if source is not None and source.state.snapshot is not None:
                self._ledger.seen(target, source.state.snapshot.taken_mono - MARGIN)
