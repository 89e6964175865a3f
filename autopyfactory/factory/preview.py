"""What queues would send in their next cycle with a configuration that is not in force; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autopyfactory.accounting import spelling
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.breakers.registry import FREE, Address, Breakers, Permit, of_all
from autopyfactory.config.difftext import Effect
from autopyfactory.config.model import Configuration, QueueConfig
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.neighbours import Neighbours, Paused
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.factory.assembly import assemble
from autopyfactory.factory.crossqueue import declared_for, other_queues
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import OtherQueues, RecentPilots, decide
from autopyfactory.model.downtimes import NOTHING, Declared
from autopyfactory.plugins.base import Shared
from autopyfactory.sources.pool import SourcePool


class Preview(Neighbours):
    """Queues that only look; one of them never sends and never asks for look-ups.

    `running` are the queues of the factory, empty when none runs; `shared` is what its plugins share.
    `declared` tells downtimes by names; `breakers` are the factory's: what they hold back is told.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        sources: SourcePool,
        book: Bookkeeper,
        clock: Clock,
        shared: Shared,
        running: Mapping[str, APFQueue],
        declared: Callable[[tuple[str, ...]], Declared] = lambda names: NOTHING,
        breakers: Breakers | None = None,
    ):
        self._configuration = configuration
        self._sources = sources
        self._book = book
        self._clock = clock
        self._shared = shared
        self._running = running
        self._declared = declared
        self._breakers = breakers
        self._queues: dict[str, APFQueue] = {}

    def effects(self, queues: Mapping[str, QueueConfig], timeout: float) -> dict[str, Effect]:
        """Return what each of `queues` would do next, waiting up to `timeout` seconds for their sources."""
        end = self._clock.monotonic() + timeout
        try:
            for config in queues.values():
                self._queues[config.name] = self._build(config)
            for source in {s for q in self._queues.values() for s in q.parts.sources}:
                source.wait_first(max(0.0, end - self._clock.monotonic()))
            return {name: self._effect(queue) for name, queue in self._queues.items()}
        finally:
            for name in queues:
                self._sources.release(self._user(name))

    def _build(self, queue: QueueConfig) -> APFQueue:
        return APFQueue(
            queue,
            self._parts(queue),
            book=self._book,
            neighbours=self,
            report=lambda record: None,
            clock=self._clock,
        )

    def _parts(self, queue: QueueConfig) -> Parts:
        holder = self._user(queue.name)
        return assemble(queue, self._configuration, self._sources, None, self._shared, holder=holder)

    @staticmethod
    def _user(queue: str) -> str:
        return f"plan of {queue}"

    def _effect(self, queue: APFQueue) -> Effect:
        inputs, readings = queue.reader.read(self._clock.now())
        batch = inputs.batch
        counts = {
            "pending": batch.pending if batch else None,
            "running": batch.running if batch else None,
        }
        closed = queue.reader.gate(readings)
        if closed:
            return Effect(**counts, would_send=0, reason="; ".join(closed))
        if cannot := _undescribed(queue):
            return Effect(**counts, would_send=0, reason=f"no pilot can be described: {cannot}")
        decision = decide(queue.parts.chain, inputs)
        why = decision.decisive
        reason = f"{why.plugin}: {why.reason}" if why else "empty chain"
        if decision.n > 0 and (permit := self._permit(queue)).words:
            n = min(decision.n, permit.limit or 0)
            return Effect(**counts, would_send=n, reason=f"a breaker is open: {permit.words}")
        return Effect(**counts, would_send=decision.n, reason=reason)

    def _permit(self, queue: APFQueue) -> Permit:
        """Return what the breakers would say to the queue, where it would send with this configuration."""
        if self._breakers is None or not queue.config.options.breaker:
            return FREE
        submits = [route.submit for route in queue.parts.routes]
        where = dict.fromkeys(Address(queue.name, spelling.ce(s.ce), s.sent_with) for s in submits)
        return of_all([self._breakers.permit(one) for one in where])

    # --- what the queues ask ----------------------------------------------------------------------

    def paused(self, queue: str) -> Paused | None:
        """Return None: a plan tells what the configuration does, not what a person has stopped."""
        return None

    def blocked(self) -> tuple[str, ...]:
        """Return nothing: a plan tells what the configuration does."""
        return ()

    def other_queues(self, queue: str) -> OtherQueues:
        """Return what `queue` would know of the others."""
        everybody = {**self._running, **self._queues}
        declared = declared_for(everybody[queue], self._declared)
        return other_queues(everybody[queue], everybody, self._book, self._recent, declared)

    def _recent(self, queue: str) -> RecentPilots | None:
        known = self._queues.get(queue) or self._running.get(queue)
        return known.recent() if known else None


def _undescribed(queue: APFQueue) -> str:
    """Return why no pilot of the queue can be described, on whichever way; empty: one can."""
    faults: dict[str, None] = {}
    for route in queue.parts.routes:
        try:
            route.submit.describe("plan")
            return ""
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            faults[str(err) or type(err).__name__] = None
    return "; ".join(faults)
