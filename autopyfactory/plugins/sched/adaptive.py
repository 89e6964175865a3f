"""Adaptive: send for the work as it will be when pilots start, and take back those no longer needed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, PastCycle, RecentPilots, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched import forecast

REACTION = 60.0  # seconds until a surplus is taken back, at the least: a cycle may be longer


class AdaptiveOptions(Options):
    """What `Adaptive` can be told."""

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
        description="How much of the trend is believed to go on until pilots that are sent now work",
    )
    reserve: float = option(
        0.6,
        key="sched.adaptive.reserve",
        ge=0,
        le=2,
        description="Pilots sent on top, as a part of those needed, so that the fastest take the work; the "
        "others are taken back. None without sched.adaptive.withdraw",
    )
    withdraw: bool = option(
        True,
        key="sched.adaptive.withdraw",
        description="Take back pending pilots that are no longer needed; running ones are never touched",
    )
    patience: float = option(
        60,
        key="sched.adaptive.patience",
        unit="s",
        ge=0,
        description="Pilots are taken back only if each cycle of this time, and at least two, saw too many",
    )
    unmatched: float = option(
        600,
        key="sched.adaptive.unmatched",
        unit="s",
        gt=0,
        description="Pilots without payload that stand beside ready jobs for this long, while no job starts, "
        "do not fit them and do not count as room; where jobs start, after three times as long",
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the earlier cycles and the pilots' history tell; the same for all cycles it is applied to."""

    coming: float  # jobs that the trend adds until pilots sent now work
    unfit: float  # pilots without payload that do not count
    stuck: bool  # jobs and pilots are there, and no job starts
    reserve: float
    share: float

    def need(self, cycle: PastCycle) -> float:
        """Return the pilots that should be pending, without reserve."""
        usable = max(0.0, forecast.unused(cycle, self.share) - self.unfit)
        return max(0.0, cycle.ready - usable / self.share + self.coming)

    def target(self, cycle: PastCycle) -> int:
        """Return the pilots that should be pending, with reserve.

        The square root is the noise of a random number of arrivals: few jobs need relatively more reserve.
        """
        need = self.need(cycle)
        return math.ceil(round(need + self.reserve * (need + 2.0 * math.sqrt(need)), 6))


class Adaptive(SchedPlugin[AdaptiveOptions]):
    """Pending pilots wanted: ready jobs - pilots without payload + trend, and a reserve; less those pending.

    Every ready or running job wants one pilot; those that run a payload serve the running jobs, the others
    and the pending ones serve ready jobs. The trend of all jobs tells how many there will be when a pilot
    that is sent now works, that is after the measured start latency and the boot time: growing work gets its
    pilots ahead, shrinking work gets fewer. A negative result takes back pending pilots.
    """

    name = "Adaptive"
    Options = AdaptiveOptions
    declares: ClassVar[Declaration] = Declaration("starts", subtracts=frozenset({"pending"}), retires=True)
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch", "history"})

    @property
    def declaration(self) -> Declaration:
        """Without withdrawal no pilot is ever too many."""
        return replace(self.declares, retires=self.options.withdraw)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the missing pilots, or (negative) the pending ones that are too many."""
        assert inputs.batch is not None and inputs.history is not None
        outlook, now = self.outlook(inputs), forecast.current(inputs)
        target, pending = outlook.target(now), now.pending
        out = target - pending
        if out < 0:
            out = -self._surplus(outlook, inputs)
        elif outlook.stuck:
            out = probing(out, inputs.history)
        words = f"{now.ready} ready, {forecast.unused(now, outlook.share):.0f} pilots without payload"
        words += f" ({outlook.unfit:.0f} do not fit)" if outlook.unfit else ""
        words += f", trend {outlook.coming:+.0f}: {target} pending wanted, {pending} are: "
        verb = f"{out} to send" if out > 0 else f"{-out} to take back" if out < 0 else "nothing to do"
        facts = {"activated": now.ready, "trend": round(outlook.coming, 1), "pending": pending}
        return replace(self.step(n, out, words + verb, **facts, target=target), spares_running=True)

    def outlook(self, inputs: CycleInputs) -> Outlook:
        """Return what is to be expected."""
        assert inputs.history is not None
        o, now, history = self.options, forecast.current(inputs), inputs.history
        latency = o.latency if history.start_latency is None else history.start_latency
        # Where nothing starts, more pilots would only start together later.
        stalled = forecast.stalled(inputs, 2 * latency + 2 * REACTION)
        work = now.ready + now.jobs_running
        coming = o.trend * forecast.trend(inputs, o.span) * (latency + o.boot)
        coming = max(-work, min(0 if stalled else work, coming))
        reserve = 0.0 if stalled or not o.withdraw else o.reserve * confidence(inputs, latency)
        share = max(1e-6, inputs.share)
        stuck = forecast.stuck(inputs, share, o.unmatched)
        unfit = stuck or forecast.idle_beside_work(inputs, share, 3 * o.unmatched)
        return Outlook(coming, unfit, stuck > 0, reserve, share)

    def _surplus(self, outlook: Outlook, inputs: CycleInputs) -> int:
        """Return how many pending pilots have been too many for a while."""
        cycles = forecast.since(inputs, self.options.patience)
        if len(cycles) < 2:
            cycles += inputs.past[:1]
        if not self.options.withdraw or len(cycles) < 2:
            return 0
        return max(0, min(c.pending - outlook.target(c) for c in cycles))


def confidence(inputs: CycleInputs, latency: float) -> float:
    """Return 0..1: how well a reserve can do its work.

    Pilots that start sooner than a surplus is noticed cannot be taken back, and those that fail are no help.
    """
    history = inputs.history
    if history is None or not history.started:
        return 0.0
    reaction = max([REACTION, *(p.ago for p in inputs.past[:1])])
    in_time = 1.0 - reaction / latency if latency > reaction else 0.0
    return in_time * (1.0 - min(1.0, history.failed / max(1, history.finished)))


def probing(n: int, history: RecentPilots) -> int:
    """Return how many of `n` to send where pilots find no work although there is some: fewer, at least 1."""
    if n <= 0 or not history.finished:
        return n
    return max(1, math.floor(n * (1.0 - history.empty / history.finished)))
