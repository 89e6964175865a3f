"""Under which job and resource type the pilots of a queue were ordered by PanDA; no I/O.

The batch system tells only how many pilots wait and how many run. PanDA wants to be told by type, and orders
more of each type that it believes to be short of: pilots reported under another type than they were ordered
under would be ordered again and again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from autopyfactory.model.info import BatchQueueInfo

Axis = tuple[str, str]  # job type, resource type
ByAxis = Counter[Axis | None]  # None: not ordered, or before this factory was started


@dataclass
class Pilots:
    """The pilots of one queue by what they were ordered as.

    Which of them start or end is not known: all types alike, in proportion.
    """

    pending: ByAxis = field(default_factory=Counter)
    running: ByAxis = field(default_factory=Counter)

    def see(self, batch: BatchQueueInfo) -> int:
        """Take over what is there now; return how many more than before (negative: fewer)."""
        more = batch.active - self.pending.total() - self.running.total()
        self.pending[None] += max(more, 0)
        waiting = self.pending.total()
        _move(waiting - batch.pending, self.pending, self.running)
        _move(batch.pending - waiting, self.running, self.pending)
        _move(self.running.total() - batch.running, self.running, Counter())
        return more

    def attribute(self, n: int, axis: Axis) -> None:
        """Say that `n` of those not ordered as anything, waiting ones first, were ordered as `axis`."""
        for pilots in (self.pending, self.running):
            if k := min(n, pilots[None]):
                pilots[None] -= k
                pilots[axis] += k
                n -= k

    def counts(self, other: Axis) -> dict[Axis, tuple[int, int]]:
        """Return how many wait and run, by axis; those that were not ordered under `other`."""
        found: dict[Axis, tuple[int, int]] = {other: (0, 0)}
        for axis in {*self.pending, *self.running}:
            waiting, running = found.get(axis or other, (0, 0))
            found[axis or other] = (waiting + self.pending[axis], running + self.running[axis])
        return found


def _move(n: int, source: ByAxis, target: ByAxis) -> None:
    """Move `n` from `source` to `target`, of each axis its share, by largest remainder."""
    total = source.total()
    n = min(n, total)
    if n <= 0:
        return
    shares = {axis: divmod(n * held, total) for axis, held in source.items()}
    left = n - sum(whole for whole, _ in shares.values())
    for axis in sorted(shares, key=lambda a: (-shares[a][1], str(a))):
        whole, rest = shares[axis]
        k = whole + (left > 0 and rest > 0)
        left -= k - whole
        source[axis] -= k
        target[axis] += k
