"""A queue with one CE and everything around it; time passes only when told to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.breakers.registry import Address, Breakers, Gate
from autopyfactory.cycle.byhand import Order, Overruled
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.cycle.sender import Sending
from autopyfactory.model.decision import CycleInputs, OtherQueues, Step
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.sources.place import PlaceWatch
from autopyfactory.sources.source import StatusSource
from fakes import FakeBatch, FakeClock, FakeSubmit, FakeWMS, Want, queue_config
from patience import PATIENCE


@dataclass
class APause:
    words: str = "paused by hand"
    drains: bool = False


class World:
    """A queue with everything around it."""

    def __init__(
        self,
        tmp_path: Path,
        chain: list[SchedPlugin[Any]],
        *,
        gated: bool = False,
        cycles: int | None = None,
        **options: Any,
    ):
        self.clock = FakeClock()
        self.gate = Gate(Breakers(None, self.clock), Address("q", "ce1"))
        self.batch, self.wms, self.submit = FakeBatch(), FakeWMS(), FakeSubmit()
        self.book = Bookkeeper(Ledger(tmp_path / "l.db", self.clock), self.clock)
        watch = PlaceWatch(self.batch, self.book)
        self.pause: APause | None = None
        self.block: tuple[str, ...] = ()
        self.records: list[CycleRecord] = []
        self.batch_source = StatusSource(
            "schedd", watch.fetch, after=watch.after, interval=60, maxage=100, clock=self.clock
        )
        self.wms_source = StatusSource("wms", self.wms.fetch, interval=60, maxage=100, clock=self.clock)
        parts = Parts(chain, self.submit, self.wms, self.wms_source, self.batch, self.batch_source)
        self.queue = APFQueue(
            queue_config(**options),
            parts,
            book=self.book,
            neighbours=self,
            report=self.records.append,
            clock=self.clock,
            gates=[self.gate] if gated else (),
            cycles=cycles,
        )

    def blocked(self) -> tuple[str, ...]:
        return self.block

    def paused(self, queue: str) -> APause | None:
        return self.pause

    def other_queues(self, queue: str) -> OtherQueues:
        return OtherQueues()

    def poll(self) -> None:
        self.batch_source.poll()
        self.wms_source.poll()

    def show_sent(self) -> None:
        """Let the schedd's counts show what was sent."""
        self.batch.queues["q"] = BatchQueueInfo(pending=self.submit.sent)
        self.clock.advance(1)
        self.poll()

    def cycle(self) -> CycleRecord:
        return self.queue.cycle(self.clock.now())

    def by_hand(self, n: int = 1, *overrules: Overruled) -> Sending:
        """Send what a person asks for, as the queue's thread would."""
        order = Order(n, frozenset(overrules))
        order.carry_out(self.queue._by_hand.send)
        return order.answer(0)


class Hangs(Want):
    """A rule that never returns, until it is let go."""

    def __init__(self) -> None:
        super().__init__(1)
        self.inside, self.release = threading.Semaphore(0), threading.Event()

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        self.inside.release()
        assert self.release.wait(PATIENCE)
        return super().calc(n, inputs)
