"""What one cycle knows, and whether it may act on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.lately import WINDOW
from autopyfactory.accounting.recent import recent_pilots
from autopyfactory.config.model import QueueConfig
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.doing import Doing
from autopyfactory.cycle.gate import Reading, held_back, reading
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import CycleInputs, OtherQueues, PastCycle, RecentPilots
from autopyfactory.model.freshstarts import Starts
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.plugins.base import WMSStatusPlugin

PAST = 200  # cycles that rules may look back
WORK = frozenset({"wms", "site"})  # what a WMS tells


class KnowsOthers(Protocol):
    """What a queue asks of its factory about other queues."""

    def other_queues(self, queue: str) -> OtherQueues:
        """Return what `queue` has to know of the others, as far as its rules need it."""


class InputReader:
    """Puts together what one queue knows, from its sources, the book and its own past."""

    def __init__(
        self,
        config: QueueConfig,
        parts: Parts,
        book: Bookkeeper,
        factory: KnowsOthers,
        clock: Clock,
        doing: Doing | None = None,
    ):
        self._config = config
        self._name = config.name
        self._parts = parts
        self._book = book
        self._factory = factory
        self._clock = clock
        self._doing = doing or Doing(clock)
        self._past: deque[tuple[float, PastCycle]] | None = deque(maxlen=PAST) if parts.history else None
        self._starts = Starts()
        self._needs = frozenset[str]().union(*(rule.needs for rule in parts.chain))
        self.taken: tuple[float, ...] = ()  # monotonic time of each answer that the last reading rests on

    def read(self, now: datetime) -> tuple[CycleInputs, tuple[Reading, ...]]:
        """Return all that is known now, and how old it is."""
        mono = self._clock.monotonic()
        p = self._parts
        batch: BatchQueueInfo | None = None
        wms: WMSQueueInfo | None = None
        site: SiteInfo | None = None
        starting = 0
        taken = []
        readings: list[Reading] = []
        history: Reading | None = None
        if p.batch is not None and p.batch_source is not None:
            bstate = p.batch_source.state
            if bstate.snapshot is not None:
                batch = self._book.batch(self._name, p.submit.target)
                self._starts.note(bstate.snapshot.taken_mono, batch.running)
                taken.append(bstate.snapshot.taken_mono)
            readings.append(reading("batch", p.batch_source.label, bstate, p.batch.maxage, mono))
        if p.wms is not None and p.wms_source is not None:
            state = p.wms_source.state
            with self._doing.call(f"the wmsstatus plugin {p.wms.name}"):
                if batch is not None:
                    p.wms.observe(batch)
                if state.snapshot is not None:
                    wms, site = _told(p.wms, state.snapshot.data)
            if state.snapshot is not None:
                starting = self._starts.since(state.snapshot.taken_mono - p.wms.settling)
                if self._needs & WORK:
                    taken.append(state.snapshot.taken_mono)
            readings.insert(0, reading("wms", p.wms_source.label, state, p.wms.maxage, mono))
        if p.batch is not None and p.history:
            asked, trouble = self._book.endings.reading(p.batch.target)
            age = None if asked is None else max(0.0, mono - asked)
            history = Reading("history", f"history of {p.batch.label}", age, p.batch.maxage, trouble)
            readings.append(history)
        self.taken = tuple(taken)
        options = self._config.options
        with self._doing.call("the rules about shares and limits"):
            others = self._factory.other_queues(self._name)
        inputs = CycleInputs(
            queue=self._name,
            wms=wms,
            batch=batch,
            site=site,
            history=None if history is not None and held_back([history]) else self.recent(),
            factory_active=others.factory_active,
            now=now,
            starting=starting,
            cores=options.cores,
            memory_mb=options.memory_mb,
            share=others.share.width,
            scope_active=others.scope_active,
            share_lower=others.share.lower,
            share_upper=others.share.upper,
            factory=others.factory,
            others_pending=others.sharing_pending,
            others_running=others.sharing_running,
            past=self._past_cycles(mono),
            declared=others.declared,
        )
        return inputs, tuple(readings)

    def recent(self) -> RecentPilots | None:
        """Return what happened to this queue's pilots lately; None when nobody asked or nobody tells."""
        batch = self._parts.batch
        if batch is None or not self._parts.history or self._book.endings.reading(batch.target)[0] is None:
            return None
        return recent_pilots(
            self._book.endings.of(self._name),
            self._clock.now().timestamp(),
            total=self._book.total(self._name),
            submitted=self._book.sent_since(self._name, WINDOW),
        )

    def gate(self, readings: Sequence[Reading]) -> tuple[str, ...]:
        """Return why what is known is not good enough to act on."""
        idle = {"wms": not self._needs & WORK, "history": "history" not in self._needs}
        closed = held_back(r for r in readings if not idle.get(r.key, False))
        # A place that has not answered says enough by that.
        return closed or self._book.holds(self._parts.submit.target)

    def remember(self, inputs: CycleInputs) -> None:
        """Keep the counts of this cycle for rules that look back, if there are any."""
        if self._past is not None and inputs.wms is not None and inputs.batch is not None:
            past = PastCycle(
                0.0,
                inputs.wms.ready,
                inputs.wms.running,
                inputs.batch.pending,
                inputs.batch.running,
                inputs.others_pending,
                inputs.others_running,
            )
            self._past.appendleft((self._clock.monotonic(), past))

    def _past_cycles(self, mono: float) -> tuple[PastCycle, ...]:
        return tuple(replace(past, ago=mono - at) for at, past in self._past or ())


def _told(plugin: WMSStatusPlugin[Any], status: WMSStatus) -> tuple[WMSQueueInfo | None, SiteInfo | None]:
    """Return what `status` says about the plugin's queue. Raises what the plugin raises, and TypeError."""
    wms, site = plugin.queue_info(status), plugin.site_info(status)
    for found, kind in ((wms, WMSQueueInfo), (site, SiteInfo)):
        if not isinstance(found, kind | None):
            raise TypeError(f"it answered with {type(found).__name__}, not {kind.__name__}")
    return wms, site
