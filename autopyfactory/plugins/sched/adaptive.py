"""Adaptive: send for the work that has no pilot there or on its way, and take back those not needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, PastCycle, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.model.shares import Part
from autopyfactory.model.text import count
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched import forecast

LAG = 60.0  # s until a schedd shows that a pilot started, and until a WMS counts anew
REACTION = 200.0  # s from a surplus to removed pilots: counts, two cycles that agree, the removal itself
FIRST = 3  # cycles after the start of a factory in which only half of what is missing is sent
PROBES = 2  # pilots for jobs that seem to fit none
AGAIN = 2.0  # a site that starts too little is given so many times what it started
IN_TIME = 1.25  # times the latency: within it half of the pilots should have started, else the site is full


class AdaptiveOptions(Options):
    """What `Adaptive` can be told."""

    payloads: int = option(
        1,
        key="sched.adaptive.payloads",
        unit="jobs",
        ge=1,
        description="Jobs that a pilot runs at the same time",
    )
    latency: float = option(
        300,
        key="sched.adaptive.latency",
        unit="s",
        ge=0,
        description="Time from sending a pilot to its start, as long as none has been measured",
    )
    boot: float = option(
        90,
        key="sched.adaptive.boot",
        unit="s",
        ge=0,
        description="Time from the start of a pilot to its first payload",
    )
    span: float = option(
        1800,
        key="sched.adaptive.span",
        unit="s",
        gt=0,
        description="How far back the trend of the work is looked for",
    )
    trend: float = option(
        0.5,
        key="sched.adaptive.trend",
        ge=0,
        le=1,
        description="How much of a growth of the work is believed to go on until pilots sent now work",
    )
    reserve: float = option(
        0.15,
        key="sched.adaptive.reserve",
        ge=0,
        le=2,
        description="Pilots sent on top, as a part of those needed, so that the fastest take the work; the "
        "others are taken back. Less where pilots start soon, none where they cannot be taken back",
    )
    withdraw: bool = option(
        True,
        key="sched.adaptive.withdraw",
        description="Take back pending pilots that are no longer needed, once pilots without payload run "
        "that take whatever comes next; running ones are never touched",
    )
    patience: float = option(
        0.15,
        key="sched.adaptive.patience",
        ge=0,
        le=10,
        description="Pilots are taken back only if all cycles for this part of the latency saw too many",
    )
    few: int = option(
        5,
        key="sched.adaptive.few",
        unit="pilots",
        ge=0,
        description="So many pilots may be taken back in one cycle, even if they are a larger part of all",
    )
    part: float = option(
        0.05,
        key="sched.adaptive.part",
        ge=0,
        le=1,
        description="Part of the pilots, pending and running, that may be taken back in one cycle",
    )
    hold: float = option(
        1800,
        key="sched.adaptive.hold",
        unit="s",
        gt=0,
        description="Jobs beside which pilots waited get no pilots for this time, then a few to probe them",
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the earlier cycles and the pilots' history tell; the same for all cycles it is applied to."""

    unmatched: int  # ready jobs that seem to fit no pilot
    coming: float  # jobs that a growth of the work adds until pilots sent now work
    reserve: float  # on top of the pilots needed, a part of them
    started: int | None  # pilots that a site started which starts too little; None: it does not
    latency: float
    payloads: int
    told: bool  # the WMS counts running jobs

    def unused(self, cycle: PastCycle) -> int:
        """Return the places without payload; 0 where nobody can tell."""
        return forecast.unused(cycle, self.payloads) if self.told else 0

    def missing(self, cycle: PastCycle) -> float:
        """Return the jobs, ready or to come, for which no pilot runs; negative: places that nobody needs."""
        return max(0, cycle.ready - self.unmatched) + self.coming - self.unused(cycle)

    def target(self, cycle: PastCycle) -> int:
        """Return the pilots that should be pending, of all queues that share the demand."""
        need = max(0.0, self.missing(cycle))
        return math.ceil(round(need * (1.0 + self.reserve) / self.payloads, 6))

    def harmless(self, cycle: PastCycle) -> bool:
        """Return whether no pending pilot will be given a payload within the next minutes.

        A schedd tells of a start up to a minute late, and a removal takes time, too: some of the pilots that
        it calls pending have started. If one of those finds a job before the removal comes, the job is lost.
        It finds none if the places that are seen to be without payload outnumber the jobs, since they come
        first, by as many as it brings itself; or if there is no job at all.
        """
        if cycle.running + cycle.others_running == 0:
            return cycle.ready + cycle.jobs_running == 0
        return self.missing(cycle) <= -self.payloads


class Adaptive(SchedPlugin[AdaptiveOptions]):
    """Pending pilots wanted: ready jobs that fit - places without payload + growth, and a reserve.

    A running pilot without a payload boots or waits: it will take a job, as the pending ones will. Where
    several queues share the demand (`Share`), all of their pilots count, and what is wanted is divided.
    A negative result takes back pending pilots.
    """

    name = "Adaptive"
    Options = AdaptiveOptions
    declares: ClassVar[Declaration] = Declaration("starts", subtracts=frozenset({"pending"}), retires=True)
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})
    uses: ClassVar[frozenset[Need]] = frozenset({"history"})

    @once
    def declaration(self) -> Declaration:
        """Without withdrawal no pilot is ever too many."""
        return replace(self.declares, retires=self.options.withdraw)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the missing pilots, or (negative) the pending ones that are too many."""
        seen = forecast.cycles(inputs)
        outlook = self.outlook(inputs, seen)
        now, mine = seen[0], Part(inputs.share_lower, inputs.share_upper)
        target = inputs.factory.of(outlook.target(now))
        wanted = mine.of(target)
        out, why = wanted - now.pending, ""
        if out > 0:
            out, why = self._bounded(out, now, outlook, len(seen))
        elif out < 0 and self.options.withdraw:
            out, why = self._surplus(outlook, seen, mine, inputs)
        else:
            out = 0
        facts = {"activated": now.ready, "trend": round(outlook.coming, 1), "pending": now.pending}
        reason = self._words(outlook, now, wanted, out, why)
        step = self.step(n, out, reason, **facts, target=wanted)
        return replace(step, spares_running=True, divided=True)

    def outlook(self, inputs: CycleInputs, seen: Sequence[PastCycle]) -> Outlook:
        """Return what is to be expected; `seen` is this cycle and the earlier ones."""
        o, history = self.options, inputs.history
        latency = o.latency if history is None or history.start_latency is None else history.start_latency
        starts = forecast.starts(inputs, seen)
        started = forecast.saturated(seen, starts, IN_TIME * (latency + LAG))
        told = forecast.running_is_told(seen, starts)
        boot = 1.5 * o.boot + LAG
        unmatched = 0
        if told:
            all_starts = forecast.starts_everywhere(starts, seen)
            unmatched = forecast.unmatched(
                seen, all_starts, o.payloads, boot=boot, hold=o.hold, probes=PROBES
            )
        coming = reserve = 0.0
        if started is None:
            now = seen[0]
            growth = o.trend * max(0.0, forecast.trend(seen, o.span)) * (latency + o.boot)
            coming = min(growth, float(now.ready + now.jobs_running))
            in_time = max(0.0, 1.0 - REACTION / latency) if latency else 0.0
            reserve = o.reserve * in_time if o.withdraw and history is not None else 0.0
        return Outlook(unmatched, coming, reserve, started, latency, o.payloads, told)

    def _bounded(self, out: int, now: PastCycle, outlook: Outlook, known: int) -> tuple[int, str]:
        """Return how many of the missing pilots to send now, and why fewer."""
        if outlook.started is not None:
            most = max(self.options.few, math.ceil(AGAIN * outlook.started))
            return max(0, min(out, most - now.pending)), f"; the site starts few, {most} may be pending"
        if known < FIRST:
            return math.ceil(out / 2), "; half of it, as the factory has just begun to look"
        return out, ""

    def _surplus(
        self, outlook: Outlook, seen: Sequence[PastCycle], mine: Part, inputs: CycleInputs
    ) -> tuple[int, str]:
        """Return how many pending pilots to take back now, as a negative number, and why fewer."""
        assert inputs.batch is not None
        o, now = self.options, seen[0]
        if outlook.started == 0 and now.running == 0:
            return 0, "; the site starts none, so they stay for what comes"  # and cost nothing there
        if not outlook.harmless(now):
            return 0, "; one that has just started may find a job"
        patience = o.patience * outlook.latency
        of_all = min(
            c.pending + c.others_pending - inputs.factory.of(outlook.target(c))
            for c in seen
            if c.ago <= patience
        )
        own = now.pending - mine.of(inputs.factory.of(outlook.target(now)))
        return -max(0, min(of_all, own, max(o.few, int(o.part * inputs.batch.active)))), ""

    def _words(self, outlook: Outlook, now: PastCycle, wanted: int, out: int, why: str) -> str:
        unused = outlook.unused(now)
        words = f"{now.ready} ready"
        words += f" ({outlook.unmatched} of them fit no pilot that waited)" if outlook.unmatched else ""
        words += f", {count(unused, 'place')} without payload"
        words += f", growth {outlook.coming:+.0f}" if outlook.coming else ""
        words += f", reserve {outlook.reserve:.0%}" if outlook.reserve else ""
        verb = f"{out} to send" if out > 0 else f"{-out} to take back" if out < 0 else "nothing to do"
        return f"{words}: {wanted} pending wanted, {now.pending} are: {verb}{why}"
