"""Run chains against a workload, cycle by cycle, with the delays and blind spots of a real factory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import fmean

from autopyfactory.model.decision import PastCycle, RecentPilots, Rule, decide
from autopyfactory.model.info import SiteInfo, WMSQueueInfo
from autopyfactory.simulate.factoryqueue import SimulatedFactoryQueue
from autopyfactory.simulate.models import HOUR, Workload
from autopyfactory.simulate.poolinputs import PoolInputs
from autopyfactory.simulate.result import Result, Sample
from autopyfactory.simulate.sharing import part_of
from autopyfactory.simulate.world import World

START = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
GRACE = 24 * HOUR  # after the last job became ready, the simulation ends at the latest
AFTERWARDS = 2 * HOUR  # ... and after the last job that can run
SETTLING = 15.0  # s from the start of a pilot until the work that it takes is gone from the ready counts
STATISTICS = 600.0  # s: Harvester's cacher asks the WMS this often
ONLINE = SiteInfo(status="online")


class Simulation:
    """A factory with one queue for each site of the workload, their chains, and the simulated grid.

    `chains` are as many as there are sites, or one for all.
    """

    def __init__(
        self,
        chains: Sequence[Sequence[Rule]],
        workload: Workload,
        *,
        seed: int = 1,
        queue: str = "simulated",
        cores: int = 1,
        memory_mb: int = 0,
        pool: bool = False,
    ):
        self.workload = workload
        self.timing = workload.timing
        self.world = World(workload, seed)
        every = chains if len(chains) == len(self.world.sites) else [chains[0]] * len(self.world.sites)
        self.queues = [
            SimulatedFactoryQueue(c, s, self.timing) for c, s in zip(every, self.world.sites, strict=True)
        ]
        self.samples: list[Sample] = []
        self._name, self._cores, self._memory = queue, cores, memory_mb
        self._pool = pool
        self._wms = self._cached = self.world.counts(pool)
        self._last_job = workload.hours * HOUR
        self._end = self._last_job + GRACE
        self._stopped = False

    def run(self) -> Result:
        """Run until all is done; return what came of it."""
        agenda = self.world.agenda
        agenda.at(0.0, self._publish)
        agenda.at(0.0, self._publish_statistics)
        for i, queue in enumerate(self.queues):
            agenda.at((7.0 + 19.0 * i) % self.timing.cycle, self._cycle, queue, i, 0)
            agenda.at(0.0, self._poll, queue)
        while not self._stopped:
            agenda.run(agenda.now + self.timing.cycle)
        return self._result()

    # --- what happens again and again -----------------------------------------------------------

    def _publish(self) -> None:
        self._wms = self.world.counts(self._pool)
        self.world.agenda.after(self.timing.wms, self._publish)

    def _publish_statistics(self) -> None:
        self._cached = self.world.counts()
        self.world.agenda.after(STATISTICS, self._publish_statistics)

    def _poll(self, queue: SimulatedFactoryQueue) -> None:
        queue.poll(self.world.agenda.now)

    def _cycle(self, queue: SimulatedFactoryQueue, index: int, number: int) -> None:
        agenda, world = self.world.agenda, self.world
        if index == 0:
            self._sample()
            if world.over or agenda.now >= self._end:
                self._stopped = True
                return
            if world.queue.left == 0:
                self._end = min(self._end, max(agenda.now, self._last_job) + AFTERWARDS)
        inputs = self.inputs(index)
        queue.act(decide(queue.chain, inputs), (self._wms.at, queue.polled), agenda.now)
        if queue.looks_back:
            queue.remember(inputs, agenda.now)
        self._plan_poll(queue, agenda.now + self.timing.cycle, number)
        agenda.after(self.timing.cycle, self._cycle, queue, index, number + 1)

    def _plan_poll(self, queue: SimulatedFactoryQueue, cycle: float, number: int) -> None:
        """Have the schedd asked before the next cycle, unless the last answer will do for that one, too."""
        agenda, poll = self.world.agenda, self.timing.poll
        at = cycle - poll * (0.618 * (number + 1) % 1.0)  # as good as a random age
        if at > agenda.now or cycle - queue.polled > poll:
            agenda.at(max(at, agenda.now), self._poll, queue)

    # --- what a queue knows ---------------------------------------------------------------------

    def inputs(self, index: int) -> PoolInputs:
        """Return what a queue knows now: the last answers, and what it sent since."""
        now = self.world.agenda.now
        queue, wms = self.queues[index], self._wms
        counts = [q.counts for q in self.queues]
        active = sum(c.pending + c.running for c in counts)
        share = part_of(self.queues, index)
        return PoolInputs(
            queue=self._name,
            wms=WMSQueueInfo(ready=wms.ready, running=wms.running, done=wms.done),
            batch=counts[index],
            site=ONLINE,
            history=queue.history if queue.looks_back else None,
            factory_active=active,
            now=START + timedelta(seconds=now),
            starting=queue.starts.since(wms.at - SETTLING),
            cores=self._cores,
            memory_mb=self._memory,
            scope_active={"ce": counts[index].active},
            others_pending=sum(c.pending for c in counts) - counts[index].pending,
            others_running=sum(c.running for c in counts) - counts[index].running,
            past=self._past(queue, now) if queue.looks_back else (),
            pool=wms if self._pool else None,
            cached=self._cached,
            site_index=index,
            active=tuple((c.pending, c.running) for c in counts),
            histories=self._histories(queue),
            share=share.width,
            share_lower=share.lower,
            share_upper=share.upper,
        )

    def _histories(self, queue: SimulatedFactoryQueue) -> tuple[RecentPilots, ...]:
        if queue.acts_at_once and queue.looks_back and len(self.queues) > 1:
            return tuple(q.history for q in self.queues)
        return ()

    @staticmethod
    def _past(queue: SimulatedFactoryQueue, now: float) -> tuple[PastCycle, ...]:
        return tuple(PastCycle(now - t, *counts) for t, counts in queue.past)

    def _sample(self) -> None:
        w = self.world
        self.samples.append(
            Sample(
                w.agenda.now / HOUR,
                w.queue.ready + w.queue.unfit,
                w.queue.running,
                sum(len(s.known_pending) for s in w.sites),
                sum(len(s.running) for s in w.sites),
                len(w.queue.idle),
            )
        )

    # --- what came of it ------------------------------------------------------------------------

    def _result(self) -> Result:
        world, now = self.world, self.world.agenda.now
        jobs = [j for j in world.queue.jobs if j.job.fits]
        waits = sorted(_wait(j.started, j.job.ready_at, j.job.cancelled_at, now) for j in jobs) or [0.0]
        pilots = [p for s in world.sites for p in s.pilots]
        ran = [
            (p, (now if p.ended is None else p.ended) - p.started) for p in pilots if p.started is not None
        ]
        busy = sum(p.busy / p.payloads for p, _ in ran)
        sites = world.sites
        return Result(
            jobs=len(jobs),
            done=world.queue.done,
            mean_wait=fmean(waits),
            p95_wait=waits[int(0.95 * (len(waits) - 1))],
            max_wait=waits[-1],
            pilots=len(pilots),
            started=len(ran),
            removed=sum(s.removals + s.spared for s in sites),
            empty_pilots=sum(p.ran == 0 for p, _ in ran),
            failed_pilots=sum(p.failed for p, _ in ran),
            empty_hours=sum(wall for p, wall in ran if p.ran == 0) / HOUR,
            idle_hours=(sum(wall for _, wall in ran) - busy) / HOUR,
            busy_hours=busy / HOUR,
            operations=sum(s.submits + s.removals for s in sites),
            killed=sum(s.killed for s in sites),
            hours=now / HOUR,
            samples=tuple(self.samples),
        )


def _wait(started: float | None, ready_at: float, cancelled_at: float, now: float) -> float:
    """Return how long a job waited: until it ran, was cancelled, or all was over."""
    return (min(cancelled_at, now) if started is None else started) - ready_at


def run(chain: Sequence[Rule], workload: Workload, *, seed: int = 1, pool: bool = False) -> Result:
    """Run one chain, for every site of `workload`; see `Simulation`."""
    return Simulation([chain], workload, seed=seed, pool=pool).run()
