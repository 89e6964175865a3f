"""Whether the work that a WMS has for a queue moves: pilots that end well and move nothing find nothing."""

from __future__ import annotations

from dataclasses import dataclass

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Event


@dataclass(frozen=True, slots=True)
class Still:
    """Work that waits and does not move."""

    since: float  # Unix time of the first cycle that saw it as it is
    ready: int
    running: int


class WorkWatch:
    """Takes in every cycle; `note` returns at once and is made for a factory's listeners."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[float, WMSQueueInfo]] = {}

    def note(self, event: Event) -> None:
        """Compare what the WMS shows now with what it showed in the cycle before."""
        if not isinstance(event, CycleRecord):
            return
        now = event.inputs.wms if event.inputs else None
        if now is None:
            self._seen.pop(event.queue, None)
            return
        before = self._seen.get(event.queue)
        if before is None or _moved(before[1], now):
            self._seen[event.queue] = event.started.timestamp(), now
        else:
            self._seen[event.queue] = before[0], now

    def of(self, queue: str) -> Still | None:
        """Return since when nothing has moved, while there is work; None: it moves, or that is not known."""
        seen = self._seen.get(queue)
        return Still(seen[0], seen[1].ready, seen[1].running) if seen and seen[1].ready else None


def _moved(before: WMSQueueInfo, now: WMSQueueInfo) -> bool:
    """Whether work was taken, or done: more work that waits is no such sign."""
    return now.ready < before.ready or (now.running, now.done, now.failed) != (
        before.running,
        before.done,
        before.failed,
    )
