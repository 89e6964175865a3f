"""The simulated grid: one WMS, the sites that serve it, and what can be counted there."""

from __future__ import annotations

from random import Random

from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.jobs import JobQueue, WmsCounts
from autopyfactory.simulate.models import Workload
from autopyfactory.simulate.pilots import BOOTED
from autopyfactory.simulate.sites import Site


class World:
    """Everything that is not the factory."""

    def __init__(self, workload: Workload, seed: int):
        self.agenda = Agenda()
        self.queue = JobQueue(self.agenda, workload.jobs)
        self.sites = [
            Site(self.agenda, self.queue, ce, Random(f"pilots {seed} {i}"), Random(f"weather {seed} {i}"))
            for i, ce in enumerate(workload.sites)
        ]

    def counts(self, pool: bool = False) -> WmsCounts:
        """Return what the WMS would answer now; with `pool` also what only its pool of pilots knows."""
        q = self.queue
        ready = q.ready + q.unfit
        if not pool:
            return WmsCounts(self.agenda.now, ready, q.running, q.done)
        booted = [[p for p in site.running if p.stage == BOOTED] for site in self.sites]
        return WmsCounts(
            self.agenda.now,
            ready,
            q.running,
            q.done,
            old=q.old + q.unfit,
            idle=tuple(sum(p.payloads - len(p.jobs) for p in pilots) for pilots in booted),
            places=tuple(sum(p.payloads for p in pilots) for pilots in booted),
            working=tuple(sum(bool(p.jobs) for p in pilots) for pilots in booted),
        )

    @property
    def over(self) -> bool:
        """Whether every job that can run is done or was cancelled, and no pilot is left."""
        return self.queue.left == 0 and not any(s.running or s.known_pending for s in self.sites)
