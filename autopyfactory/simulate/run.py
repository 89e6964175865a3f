"""Run a chain against a workload, cycle by cycle, with the delays and blind spots of a real factory."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import fmean, median
from typing import Any

import simpy

from autopyfactory.model.decision import CycleInputs, EndedPilot, PastCycle, RecentPilots, Rule, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.simulate.models import CEModel, Workload
from autopyfactory.simulate.world import Pilot, World

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
HOUR = 3600.0
PAST = 60  # earlier cycles that a queue remembers
RECENT = 200  # pilots that medians look at
GRACE = 24 * HOUR  # after the last job became ready, the simulation ends at the latest


@dataclass(frozen=True, slots=True)
class Timing:
    """How often and how late a factory looks. Seconds."""

    cycle: float = 60.0
    poll: float = 30.0  # between two looks at WMS and schedd, whose answers are used until the next
    window: float = HOUR  # that the history looks back
    short: float = 60.0  # a pilot that runs for less is a short one


@dataclass(frozen=True, slots=True)
class PoolInputs(CycleInputs):
    """What the simulated grid tells beyond a factory's sources; only reference policies look at it."""

    idle_slots: int = 0  # pilots that wait for a payload
    old_ready: int = 0  # jobs that have been ready for ten minutes


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of the grid at one moment."""

    hours: float
    ready: int
    jobs_running: int
    pending: int
    running: int
    idle: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a simulation. Waits in seconds, the rest as named."""

    jobs: int
    done: int
    mean_wait: float
    p95_wait: float
    max_wait: float
    pilots: int  # sent
    started: int
    removed: int
    empty_pilots: int
    failed_pilots: int
    empty_hours: float  # of pilots that never ran a payload
    idle_hours: float  # of all pilots, without a payload: booting, waiting, failing
    busy_hours: float
    hours: float  # until everything was over
    samples: tuple[Sample, ...] = field(default=(), repr=False)


class Simulation:
    """One queue of a factory, its chain, and the simulated grid."""

    def __init__(
        self,
        chain: Sequence[Rule],
        workload: Workload,
        *,
        ce: CEModel | None = None,
        seed: int = 1,
        timing: Timing | None = None,
        queue: str = "simulated",
        cores: int = 1,
        memory_mb: int = 0,
    ):
        self.chain = chain
        self.workload = workload
        self.timing = timing or Timing()
        self.env = simpy.Environment()
        self.world = World(self.env, workload, ce or workload.ce, Random(seed))
        self.samples: list[Sample] = []
        self.sent = 0
        self._queue, self._cores, self._memory = queue, cores, memory_mb
        self._answer = self.world.counts()
        self._unseen = 0
        self._sendings: deque[tuple[float, int]] = deque()
        self._past: deque[tuple[float, PastCycle]] = deque(maxlen=PAST)

    def run(self) -> Result:
        """Run until all is done; return what came of it."""
        self.env.process(self._poll())
        cycles = self.env.process(self._cycles())
        self.env.run(until=cycles)
        return self._result()

    def _poll(self) -> Any:
        while True:
            self._answer = self.world.counts()
            self._unseen = 0
            yield self.env.timeout(self.timing.poll)

    def _cycles(self) -> Any:
        end = self.workload.hours * HOUR + GRACE
        yield self.env.timeout(0)
        while self.env.now < end:
            self._cycle()
            world = self.world
            if world.finished and not world.running and not world.pending:
                return
            yield self.env.timeout(self.timing.cycle)

    def _cycle(self) -> None:
        inputs = self.inputs()
        n = decide(self.chain, inputs).n
        if n > 0:
            self.world.send(n)
            self.sent += n
            self._unseen += n
            self._sendings.append((self.env.now, n))
        elif n < 0:
            self.world.retire(-n)
        self._remember(inputs)

    # --- what the queue knows -------------------------------------------------------------------

    def inputs(self) -> PoolInputs:
        """Return what the queue knows now: the last answers, and what it sent since."""
        now = self.env.now
        wms, batch = self._answer
        return PoolInputs(
            queue=self._queue,
            wms=wms,
            batch=batch.with_unseen(self._unseen),
            site=SiteInfo(status="online"),
            history=self._recent(),
            factory_active=batch.active + self._unseen,
            now=START + timedelta(seconds=now),
            cores=self._cores,
            memory_mb=self._memory,
            scope_active={"ce": batch.active + self._unseen},
            past=tuple(
                PastCycle(now - t, p.ready, p.jobs_running, p.pending, p.running) for t, p in self._past
            ),
            idle_slots=len(self.world.idle),
            old_ready=self._old_ready(),
        )

    def _old_ready(self) -> int:
        return sum(self.env.now - w.job.ready_at > 600 for w in self.world.ready)

    def _recent(self) -> RecentPilots:
        since = self.env.now - self.timing.window
        ended = [p for p in self._latest(self.world.ended) if p.ended is not None and p.ended >= since]
        started = [p for p in [*self.world.running, *ended] if p.started is not None and p.started >= since]
        while self._sendings and self._sendings[0][0] < since:
            self._sendings.popleft()
        latencies = [p.started - p.sent for p in started[-RECENT:] if p.started is not None]
        return RecentPilots(
            window=self.timing.window,
            submitted_total=self.sent,
            submitted=sum(n for _, n in self._sendings),
            started=len(started),
            finished=len(ended),
            short=sum(p.wall < self.timing.short and not p.failed for p in ended),
            failed=sum(p.failed for p in ended),
            empty=sum(p.payloads == 0 for p in ended),
            start_latency=median(latencies) if latencies else None,
            lifetime=median(p.wall for p in ended) if ended else None,
            ended=tuple(self._ended(p) for p in ended[-RECENT:]),
        )

    def _latest(self, pilots: list[Pilot]) -> list[Pilot]:
        """Return the pilots that ended within the window; the list is in the order of their ends."""
        since = self.env.now - self.timing.window
        i = len(pilots)
        while i > 0 and (pilots[i - 1].ended or 0.0) >= since:
            i -= 1
        return pilots[i:]

    def _ended(self, pilot: Pilot) -> EndedPilot:
        return EndedPilot(self.env.now - (pilot.started or 0.0), pilot.wall)

    def _remember(self, inputs: CycleInputs) -> None:
        wms, batch = inputs.wms or WMSQueueInfo(), inputs.batch or BatchQueueInfo()
        past = PastCycle(0.0, wms.ready, wms.running, batch.pending, batch.running)
        self._past.appendleft((self.env.now, past))
        w = self.world
        self.samples.append(
            Sample(
                self.env.now / HOUR, len(w.ready), w.jobs_running, len(w.pending), len(w.running), len(w.idle)
            )
        )

    # --- what came of it ------------------------------------------------------------------------

    def _result(self) -> Result:
        world, now = self.world, self.env.now
        waits = sorted((now if w.started is None else w.started) - w.job.ready_at for w in world.jobs) or [
            0.0
        ]
        ended = [*world.ended, *world.running]
        walls = [(p, (now if p.ended is None else p.ended) - (p.started or 0.0)) for p in ended]
        busy = sum(p.busy for p in ended)
        return Result(
            jobs=len(world.jobs),
            done=world.jobs_done,
            mean_wait=fmean(waits),
            p95_wait=waits[int(0.95 * (len(waits) - 1))],
            max_wait=waits[-1],
            pilots=self.sent,
            started=len(ended),
            removed=world.removed,
            empty_pilots=sum(p.payloads == 0 for p in ended),
            failed_pilots=sum(p.failed for p in ended),
            empty_hours=sum(wall for p, wall in walls if p.payloads == 0) / HOUR,
            idle_hours=(sum(wall for _, wall in walls) - busy) / HOUR,
            busy_hours=busy / HOUR,
            hours=now / HOUR,
            samples=tuple(self.samples),
        )


def run(chain: Sequence[Rule], workload: Workload, **settings: Any) -> Result:
    """Run `chain` against `workload`; see `Simulation` for the settings."""
    return Simulation(chain, workload, **settings).run()
