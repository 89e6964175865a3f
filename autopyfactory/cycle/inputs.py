"""What one cycle knows, and whether it may act on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.lately import WINDOW
from autopyfactory.accounting.recent import recent_pilots
from autopyfactory.config.model import QueueConfig
from autopyfactory.cycle.components import Parts
from autopyfactory.cycle.doing import Doing
from autopyfactory.cycle.gate import Reading, held_back, reading
from autopyfactory.cycle.neighbours import KnowsOthers
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import CycleInputs, Need, PastCycle, RecentPilots
from autopyfactory.model.freshstarts import Starts
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.plugins.base import WMSStatusPlugin

PAST = 200  # cycles that rules may look back
WORK: frozenset[Need] = frozenset({"wms", "site"})  # what a WMS tells


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
        self._needs = parts.needs
        self._targets = tuple(route.submit.target for route in parts.places)
        self.shut: dict[str, str] = {}  # of several schedds: those that nothing may be sent to now, and why
        self.silent = frozenset[str]()  # schedds whose last answer did not come
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
        counted = self._counted(mono)
        if asked := [at for _, at in counted if at is not None]:
            batch = self._book.batch(self._name, *self._targets)
            self._starts.note(min(asked), batch.running)
            taken += asked
        readings += together([r for r, _ in counted])
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
            history = self._history(mono)
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

    def _counted(self, mono: float) -> list[tuple[Reading, float | None]]:
        """Return how each schedd's counts look, and when they were asked for (monotonic).

        Of several schedds those that do not answer are left out while others do: what is open there in the
        book still counts, and nothing is sent there.
        """
        found = []
        for route in self._parts.places:
            if route.batch is not None and route.batch_source is not None:
                state, label = route.batch_source.state, route.batch_source.label
                one = reading("batch", label, state, route.batch.maxage, mono)
                found.append((route, one, state.snapshot.taken_mono if state.snapshot else None))
        self.shut = {route.submit.target: "; ".join(why) for route, r, _ in found if (why := held_back([r]))}
        self.silent = frozenset(route.submit.target for route, r, _ in found if r.trouble)
        fresh = [(r, at) for route, r, at in found if route.submit.target not in self.shut]
        return fresh or [(r, at) for _, r, at in found]

    def _history(self, mono: float) -> Reading:
        """Return how old what is known of endings is, at the schedds that answer: the oldest counts."""
        batches = [r.batch for r in self._parts.places if r.batch is not None]
        heard = [b for b in batches if b.target not in self.shut] or batches
        read = [(b, *self._book.endings.reading(b.target)) for b in heard]
        batch, asked, trouble = min(read, key=lambda one: -1.0 if one[1] is None else one[1])
        age = None if asked is None else max(0.0, mono - asked)
        return Reading("history", f"history of {batch.label}", age, batch.maxage, trouble)

    def recent(self) -> RecentPilots | None:
        """Return what happened to this queue's pilots lately; None when nobody asked or nobody tells."""
        p = self._parts
        if not p.history:
            return None
        told = [self._book.endings.reading(r.batch.target)[0] for r in p.places if r.batch is not None]
        if all(at is None for at in told):
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
        closed = held_back([r for r in readings if not idle.get(r.key)])
        if closed:  # a place that has not answered says enough by that
            return closed
        targets = self._targets
        held = {t: holds for t in targets if t not in self.shut and (holds := self._book.holds(t))}
        if held:
            self.shut |= {target: "; ".join(holds) for target, holds in held.items()}
        if len(self.shut) < len(targets):
            return ()
        return tuple(reason for holds in held.values() for reason in holds)

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
        return tuple([replace(past, ago=mono - at) for at, past in self._past]) if self._past else ()


def together(readings: Sequence[Reading]) -> list[Reading]:
    """Return several readings of one kind as one, if all may be acted on; the oldest counts."""
    if len(readings) < 2 or held_back(readings):
        return list(readings)
    oldest = max(readings, key=lambda r: r.age or 0.0)
    trouble = "; ".join(f"{r.label}: {r.trouble}" for r in readings if r.trouble)
    return [replace(oldest, label=", ".join(r.label for r in readings), trouble=trouble or None)]


def _told(plugin: WMSStatusPlugin[Any], status: WMSStatus) -> tuple[WMSQueueInfo | None, SiteInfo | None]:
    """Return what `status` says about the plugin's queue. Raises what the plugin raises, and TypeError."""
    wms, site = plugin.queue_info(status), plugin.site_info(status)
    for found, kind in ((wms, WMSQueueInfo), (site, SiteInfo)):
        if not isinstance(found, kind | None):
            raise TypeError(f"it answered with {type(found).__name__}, not {kind.__name__}")
    return wms, site
