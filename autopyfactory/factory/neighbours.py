"""What a queue asks of its factory: whether it may send, and what it has to know of the other queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autopyfactory.accounting.anchor import AnchorWatch
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.cycle.neighbours import Neighbours
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.external.clocks import CLOCKS
from autopyfactory.factory.crossqueue import declared_for, other_queues
from autopyfactory.factory.room import RoomWatch
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import OtherQueues, RecentPilots
from autopyfactory.pauses import Pause, Pauses
from autopyfactory.sources.downtimes import DowntimeWatch


@dataclass(frozen=True)
class Answers(Neighbours):
    """Answers from what the factory knows; each returns at once."""

    queues: Callable[[], Mapping[str, APFQueue]]  # those that run, by name
    book: Bookkeeper
    pauses: Pauses
    downtimes: DowntimeWatch
    anchor: AnchorWatch
    room: RoomWatch
    clock: Clock

    def paused(self, queue: str) -> Pause | None:
        """Return the pause of `queue` in force."""
        return self.pauses.get(queue, self.clock.now())

    def blocked(self) -> tuple[str, ...]:
        """Return why no queue may send now: its state or its logs would not be kept."""
        lost, wrong = self.anchor.lost(), CLOCKS.ours()
        return (*((lost,) if lost else ()), *self.room.full(), *((wrong,) if wrong else ()))

    def other_queues(self, queue: str) -> OtherQueues:
        """Return what `queue` has to know of the others, as far as its rules need it."""
        queues = self.queues()
        mine = queues.get(queue)
        if mine is None:
            return OtherQueues()
        declared = declared_for(mine, self.downtimes.of)
        return other_queues(mine, queues, self.book, self.recent, declared)

    def recent(self, queue: str) -> RecentPilots | None:
        """Return what happened to the pilots of `queue` lately; None when it is not known."""
        queues = self.queues()
        return queues[queue].recent() if queue in queues else None
