"""Makes queues for the reconciler: from configuration to an `APFQueue` with everything it needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autopyfactory.accounting import spelling
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.breakers.registry import Address, Breakers, Gate
from autopyfactory.config.diff import same
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.neighbours import Neighbours
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.factory.assembly import assemble
from autopyfactory.model.clock import Clock
from autopyfactory.model.record import CycleRecord
from autopyfactory.notify.monitors import Monitors
from autopyfactory.plugins.base import Shared
from autopyfactory.sources.pool import SourcePool

# What every pilot carries: when it changes, all queues must send pilots that carry the new.
CARRIED = ("factory_user", "admin_email", "base_log_dir", "base_log_dir_url", "submit_files_published")


@dataclass(frozen=True, slots=True)
class QueueSpec:
    """A queue as a configuration wants it."""

    queue: QueueConfig
    configuration: Configuration


@dataclass(frozen=True)
class QueueMaker:
    """What queues share; see `reconciler.Maker` for the methods."""

    book: Bookkeeper
    breakers: Breakers
    sources: SourcePool
    monitors: Monitors
    shared: Shared
    clock: Clock
    neighbours: Neighbours
    report: Callable[[CycleRecord], None]
    cycles: int | None  # None: without end

    def make(self, name: str, spec: QueueSpec, holder: str, before: APFQueue | None) -> APFQueue:
        """Return a queue that goes on counting cycles where the one `before` it ended."""
        url = self.monitors.url(spec.queue)
        parts = assemble(spec.queue, spec.configuration, self.sources, url, self.shared, holder=holder)
        queue = APFQueue(
            spec.queue,
            parts,
            book=self.book,
            neighbours=self.neighbours,
            report=self.report,
            clock=self.clock,
            cycles=self.cycles,
            gates=self._gates(name, spec.queue, parts),
        )
        if before is not None:
            queue.cycles_run = before.cycles_run
            for gate in queue.gates:  # somebody has changed the queue: perhaps what was wrong with it
                self.breakers.hurry(gate.address)
        self.book.settle(name, parts.submit.ce)
        return queue

    def _gates(self, name: str, config: QueueConfig, parts: Parts) -> list[Gate]:
        if not config.options.breaker:
            return []
        addresses = (Address(name, spelling.ce(r.submit.ce), r.submit.sent_with) for r in parts.routes)
        return [Gate(self.breakers, address) for address in dict.fromkeys(addresses)]

    def unmake(self, holder: str) -> None:
        """Release the sources that `holder` has."""
        self.sources.release(holder)

    def same(self, old: QueueSpec, new: QueueSpec) -> bool:
        """Whether a queue made from `old` does, and its pilots carry, what `new` says."""
        a, b = old.configuration, new.configuration
        return a is b or (
            same(old.queue, new.queue)
            and a.mappings == b.mappings
            and all(getattr(a.factory, f) == getattr(b.factory, f) for f in CARRIED)
        )
