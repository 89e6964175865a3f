"""The simulated grid: jobs become ready, pilots travel, boot, take payloads and end. Discrete events."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import Any

import simpy

from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.simulate.models import CEModel, Job, Workload

Process = Generator[Any, Any, None]
REMOVED, LOST, DRAIN = "removed", "lost", "drain"


@dataclass(slots=True, eq=False)
class Pilot:
    """One pilot. Times are None until they come."""

    sent: float
    process: Any = None
    started: float | None = None
    ended: float | None = None
    busy: float = 0.0  # seconds that it ran payloads
    payloads: int = 0
    job: Waiting | None = None
    failed: bool = False
    draining: bool = False

    @property
    def wall(self) -> float:
        """Seconds from start to end."""
        return 0.0 if self.started is None or self.ended is None else self.ended - self.started


@dataclass(slots=True, eq=False)
class Waiting:
    """A job on its way; a job whose pilot is lost becomes ready again."""

    job: Job
    started: float | None = None  # first time
    done: bool = False


class World:
    """State of the grid; `send`, `retire` and `counts` are what a factory can do with it."""

    def __init__(self, env: simpy.Environment, workload: Workload, ce: CEModel, rng: Random):
        self.env = env
        self.ce = ce
        self.rng = rng
        self.jobs = [Waiting(job) for job in workload.jobs]
        self.ready: deque[Waiting] = deque()
        self.jobs_running = 0
        self.jobs_done = 0
        self.pending: dict[Pilot, None] = {}  # in the order they were sent
        self.running: dict[Pilot, None] = {}
        self.idle: dict[Pilot, simpy.Event] = {}  # longest idle first
        self.ended: list[Pilot] = []
        self.removed = 0
        self.slots = simpy.Resource(env, capacity=max(1, ce.slots))
        self.up = env.event()
        self.up.succeed()
        env.process(self._arrivals())
        env.process(self._outages())

    # --- what a factory sees and does -----------------------------------------------------------

    def counts(self) -> tuple[WMSQueueInfo, BatchQueueInfo]:
        """Return what a WMS and a schedd would answer now."""
        wms = WMSQueueInfo(ready=len(self.ready), running=self.jobs_running, done=self.jobs_done)
        return wms, BatchQueueInfo(pending=len(self.pending), running=len(self.running))

    def send(self, n: int) -> None:
        """Send `n` pilots."""
        for _ in range(n):
            pilot = Pilot(self.env.now)
            self.pending[pilot] = None
            pilot.process = self.env.process(self._live(pilot))

    def retire(self, n: int) -> None:
        """Take back `n` pilots: pending ones, the latest first, then running ones when their payload ends."""
        for pilot in list(reversed(self.pending))[:n]:
            del self.pending[pilot]  # at once, as in a schedd's answer after a removal
            self.removed += 1
            n -= 1
            pilot.process.interrupt(REMOVED)
        for pilot in [p for p in self.running if not p.draining][: max(0, n)]:
            pilot.draining = True
            if pilot.job is None and pilot.process.is_alive:
                pilot.process.interrupt(DRAIN)

    @property
    def finished(self) -> bool:
        """Whether every job is done."""
        return self.jobs_done == len(self.jobs)

    # --- events ---------------------------------------------------------------------------------

    def _arrivals(self) -> Process:
        for waiting in self.jobs:
            yield self.env.timeout(max(0.0, waiting.job.ready_at - self.env.now))
            self._offer(waiting)

    def _offer(self, waiting: Waiting) -> None:
        """Give a job to an idle pilot, or let it wait."""
        if self.idle:
            self.idle.pop(next(iter(self.idle))).succeed(waiting)
        else:
            self.ready.append(waiting)

    def _outages(self) -> Process:
        for outage in self.ce.outages:
            yield self.env.timeout(max(0.0, outage.start - self.env.now))
            self.up = self.env.event()
            for pilot in list(self.running):
                if pilot.process.is_alive:
                    pilot.process.interrupt(LOST)
            yield self.env.timeout(outage.end - self.env.now)
            self.up.succeed()

    def _draw(self, median: float, sigma: float) -> float:
        return median * math.exp(self.rng.gauss(0.0, sigma))

    def _live(self, pilot: Pilot) -> Process:
        """Run the life of one pilot."""
        try:
            yield self.env.timeout(self._draw(self.ce.latency, self.ce.latency_sigma))
            with self.slots.request() as slot:
                yield slot
                while not self.up.triggered:
                    yield self.up
                del self.pending[pilot]
                self.running[pilot] = None
                pilot.started = self.env.now
                yield from self._work(pilot)
        except simpy.Interrupt as why:
            pilot.failed = why.cause == LOST
        if pilot.started is not None:
            del self.running[pilot]
            pilot.ended = self.env.now
            self.ended.append(pilot)

    def _work(self, pilot: Pilot) -> Process:
        assert pilot.started is not None
        if self.rng.random() < self._failing():
            pilot.failed = True
            yield self.env.timeout(self.ce.failing_after)
            return
        yield self.env.timeout(self._draw(self.ce.boot, self.ce.boot_sigma))
        while not pilot.draining and self.env.now - pilot.started < self.ce.lifetime:
            waiting = self.ready.popleft() if self.ready else (yield from self._wait(pilot))
            if waiting is None:
                return
            yield from self._run(pilot, waiting)

    def _wait(self, pilot: Pilot) -> Generator[Any, Any, Waiting | None]:
        """Wait for a job as long as an idle pilot may."""
        offered = self.idle[pilot] = self.env.event()
        try:
            yield offered | self.env.timeout(self.ce.idle)
        except simpy.Interrupt:
            if offered.triggered:  # the job must not be lost with the pilot
                self._offer(offered.value)
            raise
        finally:
            self.idle.pop(pilot, None)
        return offered.value if offered.triggered else None

    def _failing(self) -> float:
        flapping = any(flap.holds(self.env.now) for flap in self.ce.flaps)
        return self.ce.failing_in_flap if flapping else self.ce.failing

    def _run(self, pilot: Pilot, waiting: Waiting) -> Process:
        began = self.env.now
        if waiting.started is None:
            waiting.started = began
        pilot.job = waiting
        pilot.payloads += 1
        self.jobs_running += 1
        try:
            yield self.env.timeout(waiting.job.duration)
            waiting.done = True
            self.jobs_done += 1
        finally:
            self.jobs_running -= 1
            pilot.busy += self.env.now - began
            pilot.job = None
            if not waiting.done:
                self._offer(waiting)
