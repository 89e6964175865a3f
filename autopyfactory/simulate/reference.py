"""Reference policies for comparison: how other systems decide, as rules of our chain.

Written from the published formulas (glideinWMS 3.10.18, Harvester 0.7.5), with the parameters' meaning and
defaults of those systems where they have any. One factory, one site, one kind of job: whatever divides
demand over many of these falls away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.simulate.run import PoolInputs

NEEDS: frozenset[Need] = frozenset({"wms", "batch"})


@dataclass(frozen=True)
class GlideinWMS:
    """The request of a frontend's group, and what a factory's entry makes of it.

    Frontend: effective idle jobs = idle jobs - idle slots, limited, divided by the attenuation of the
    ramp-up, plus a few for old idle jobs, at most `max_idle`, halved for every curb that is crossed, at least
    1 while jobs are idle; most running = what is needed now and `fraction_running` on top. Factory: the idle
    pilots that are missing, within the most running and `max_submits` per cycle. Waiting pilots are removed
    when no job has been idle for `remove_after` cycles.
    """

    attenuation: float = 3.0
    reserve: int = 5
    max_idle: int = 100
    fraction_running: float = 1.15
    max_running: int = 10000
    max_submits: int = 100
    curbs: tuple[int, ...] = (100,)  # idle slots
    remove_after: int = 15

    name: ClassVar[str] = "glideinWMS"
    needs: ClassVar[frozenset[Need]] = NEEDS

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return what the two daemons would do in one cycle."""
        assert inputs.wms is not None and inputs.batch is not None
        idle_slots, old = (inputs.idle_slots, inputs.old_ready) if isinstance(inputs, PoolInputs) else (0, 0)
        ready, batch = inputs.wms.ready, inputs.batch
        if ready == 0:
            return self._no_jobs(n, inputs)
        effective = max(ready - idle_slots, 0)
        min_idle = self._min_idle(effective, old, idle_slots, batch.active)
        max_run = int((effective + batch.running) * self.fraction_running + 1)
        add = min(min_idle - batch.pending, max_run - batch.active, self.max_submits)
        out = max(0, add)
        return Step(self.name, n, out, f"{min_idle} idle pilots and at most {max_run} in all requested")

    def _min_idle(self, effective: int, old: int, idle_slots: int, total: int) -> int:
        want = max(0, min(effective, self.max_running - total))
        want = int(want / self.attenuation) + min(old // 3, self.reserve)
        want = min(want, self.max_idle)
        for curb in self.curbs:
            if idle_slots > curb:
                want //= 2
        return max(1, want)

    def _no_jobs(self, n: int, inputs: CycleInputs) -> Step:
        assert inputs.batch is not None
        latest = inputs.past[: self.remove_after]
        unused = len(latest) == self.remove_after and all(p.ready == 0 for p in latest)
        out = -inputs.batch.pending if unused else 0
        return Step(self.name, n, out, "no idle jobs")


@dataclass(frozen=True)
class Harvester:
    """The worker adjuster in pull mode.

    Most queued workers = activated jobs (at least `min_pilots`), at most `queue_limit`; new workers = what is
    missing from it, within `max_workers` in all and `max_new` per cycle.
    """

    factor: float = 1.0
    min_pilots: int = 1  # 0 is its option noPilotsWhenNoActiveJobs
    queue_limit: int = 100
    max_workers: int = 10000
    max_new: int = 100

    name: ClassVar[str] = "Harvester"
    needs: ClassVar[frozenset[Need]] = NEEDS

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the number of new workers."""
        assert inputs.wms is not None and inputs.batch is not None
        activated = max(int(inputs.wms.ready * self.factor), self.min_pilots)
        queued = min(activated, self.queue_limit)
        new = max(queued - inputs.batch.pending, 0)
        out = max(0, min(new, self.max_workers - inputs.batch.active, self.max_new))
        return Step(self.name, n, out, f"{queued} queued workers wanted, {inputs.batch.pending} are")
