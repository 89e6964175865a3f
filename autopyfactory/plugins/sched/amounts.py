"""What MaxCores and MaxMemory share: limits in an amount of which every pilot asks for the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autopyfactory.model.info import BatchQueueInfo


@dataclass(frozen=True, slots=True)
class Amount:
    """Limits of one kind of amount; None: no limit, but at least one is set."""

    unit: str
    each: int  # what one pilot asks for, > 0
    maximum: int | None  # of all pilots, pending and running
    pending: int | None  # of the pending pilots

    def room(self, batch: BatchQueueInfo) -> tuple[int, str]:
        """Return how many pilots still fit, and the limit that decides, in words."""
        return min(self._rooms(batch))

    def _rooms(self, batch: BatchQueueInfo) -> Iterator[tuple[int, str]]:
        limits = ((self.maximum, batch.active, "in all"), (self.pending, batch.pending, "pending"))
        for limit, pilots, what in limits:
            if limit is not None:
                used = pilots * self.each
                words = f"{used} {self.unit} {what}, at most {limit}, {self.each} per pilot"
                yield max(0, (limit - used) // self.each), words
