"""A queue that lives on one source of work: what does it decide when that source fails?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.model.decision import OtherQueues, RecentPilots
from autopyfactory.model.record import CycleRecord
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import WMSStatusPlugin
from autopyfactory.plugins.sched.ready import Ready
from autopyfactory.sources.place import PlaceWatch
from autopyfactory.sources.source import StatusSource
from fakes import FakeBatch, FakeClock, FakeSubmit, queue_config


class QueueWorld:
    """The real queue, chain, gate, source and ledger around `plugin`; time passes only when told to."""

    def __init__(self, folder: Path, plugin: WMSStatusPlugin[Any]):
        self.clock = FakeClock()
        self.submit = FakeSubmit()
        book = Bookkeeper(Ledger(folder / "ledger.db", self.clock), self.clock)
        batch = FakeBatch()
        watch = PlaceWatch(batch, book)
        self.batch = StatusSource(
            "batch", watch.fetch, after=watch.after, interval=60, maxage=1e9, clock=self.clock
        )
        self.wms = StatusSource(
            plugin.label, plugin.fetch, interval=plugin.interval, maxage=plugin.maxage, clock=self.clock
        )
        options, problems = bind(Ready.Options, Section("q"))
        assert options is not None, problems
        self.queue = APFQueue(
            queue_config(wmsqueue=plugin.context.queue_options.wmsqueue),
            Parts([Ready(options, plugin.context)], self.submit, plugin, self.wms, batch, self.batch),  # type: ignore[arg-type]
            book=book,
            neighbours=self,
            report=lambda record: None,
            clock=self.clock,
        )

    def blocked(self) -> tuple[str, ...]:
        return ()

    def paused(self, queue: str) -> None:
        return None

    def other_queues(self, queue: str) -> OtherQueues:
        return OtherQueues()

    def recent(self, queue: str) -> RecentPilots | None:
        return None

    def poll(self) -> bool:
        """Ask the source once; return whether it gave an answer."""
        return self.wms.poll()

    def trouble(self) -> str:
        """Return why the source does not answer."""
        return self.wms.state.trouble.text if self.wms.state.trouble else ""

    def age(self) -> float:
        """Return the age of the answer that is kept."""
        assert self.wms.state.snapshot is not None
        return self.wms.state.snapshot.age(self.clock.monotonic())

    def cycle(self) -> CycleRecord:
        """Run one cycle on fresh pilot counts."""
        self.batch.poll()
        return self.queue.cycle(self.clock.now())
