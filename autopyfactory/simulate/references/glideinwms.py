"""glideinWMS: what a frontend's group asks of an entry, and what the factory makes of it.

Written from the published formulas of glideinWMS 3.10 (efdc530a5); no code is copied. Frontend:
`frontend/glideinFrontendElement.py` (`compute_glidein_min_idle`, `compute_glidein_max_run`,
`choose_remove_excess_type`, `check_removal_type_config`); factory: `factory/glideFactoryLib.py`
(`keepIdleGlideins`, `clean_glidein_queue`, `removeGlideins`); defaults: `creation/lib/cvWParams.py`,
`creation/lib/cgWParams.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.simulate.jobs import WmsCounts
from autopyfactory.simulate.poolinputs import PoolInputs


@dataclass
class GlideinWMS:
    """The request of a group and the answer of an entry, in each cycle. One object serves one queue and run.

    Idle jobs are divided equally among the sites that match them, and by the payloads of a pilot. Asked for
    are as many idle pilots as there are idle jobs beyond the idle slots, through the ramp-up's attenuation,
    plus a third of the old ones up to `reserve`, at most `max_idle`, halved for each curb that idle slots
    have reached, at least 1; and 0 when the idle slots cover the jobs or have reached their maximum. At most
    `fraction_running` times the pilots needed and those that run jobs may exist, and `max_submits` come per
    cycle. Where nothing is added, pilots beyond the request and `margin` are removed as `removal` says, the
    unsubmitted before the others, `max_removes` per cycle; also when no job was idle for some cycles.
    """

    attenuation: float = 3.0
    reserve: int = 5
    max_idle: int = 100
    fraction_running: float = 1.15
    max_running: int = 10000
    max_submits: int = 100
    idle_curb: int = 5  # idle slots at the entry
    idle_curb_total: int = 200  # ... of all entries, for the group, for the frontend and for the pool
    max_idle_slots: int = 100
    removal: str = "NO"  # or WAIT, IDLE
    removal_wait: int = 0  # cycles without idle jobs
    requests_tracking: bool = False  # remove whenever there are more than asked for
    margin: int = 0
    max_removes: int = 5
    payloads: int = 1
    _idle0: int = field(default=0, repr=False)  # cycles without an idle job
    _unused: int = field(default=0, repr=False)  # cycles in which no pilot that called home ran a job
    _none: int = field(default=0, repr=False)  # cycles in which none had called home

    name: ClassVar[str] = "glideinWMS"
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})
    acts_at_once: ClassVar[bool] = True

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return what the two daemons would do in one cycle."""
        assert isinstance(inputs, PoolInputs) and inputs.pool is not None and inputs.batch is not None
        pool, site, batch = inputs.pool, inputs.site_index, inputs.batch
        entries = len(pool.idle)
        idle_jobs = math.ceil(pool.ready / entries / self.payloads)
        old_jobs = math.ceil(pool.old / entries / self.payloads)
        idle_slots = pool.idle[site]
        min_idle = self._min_idle(idle_jobs, old_jobs, idle_slots, pool)
        max_run = self._max_run(idle_jobs, pool.working[site], idle_slots)
        removal = self._removal(pool, site)
        add = min(min_idle - batch.pending, max_run - batch.active)
        out = min(add, self.max_submits)
        if add <= 0:
            out = -self._excess(removal, min_idle, batch.pending, batch.unsubmitted)
        words = f"{min_idle} idle pilots and at most {max_run} in all requested, removal {removal}"
        return Step(self.name, n, out, words, spares_running=True)

    def _min_idle(self, idle_jobs: int, old_jobs: int, idle_slots: int, pool: WmsCounts) -> int:
        effective = max(idle_jobs - idle_slots, 0)
        registered = sum(pool.places) if self.payloads == 1 else pool.working[0] + sum(pool.idle)
        if effective == 0 or idle_slots >= self.max_idle_slots or registered >= self.max_running:
            return 0
        want = float(int(min(effective, self.max_running - registered) / self.attenuation))
        want += min(max(old_jobs - idle_slots, 0) // 3, self.reserve)
        want = min(want, self.max_idle)
        curbs = [self.idle_curb] + 3 * [self.idle_curb_total]
        for curb, slots in zip(curbs, [idle_slots] + 3 * [sum(pool.idle)], strict=True):
            if slots >= curb:
                want /= 2
        return max(1, int(want))

    def _max_run(self, idle_jobs: int, working: int, idle_slots: int) -> int:
        if idle_jobs > 0:
            return int((max(idle_jobs - idle_slots, 0) + working) * self.fraction_running + 1)
        return working

    def _removal(self, pool: WmsCounts, site: int) -> str:
        """Return what kind of pilots may be removed: by itself after some cycles, or as configured."""
        self._idle0 = self._idle0 + 1 if pool.ready == 0 else 0
        self._unused = self._unused + 1 if pool.working[site] == 0 else 0
        self._none = self._none + 1 if pool.places[site] == 0 else 0
        by_itself = "NO"
        if self._idle0 > 5:
            by_itself = "IDLE" if max(self._unused, self._none) > 10 else "WAIT"
        configured = self.removal if self.requests_tracking or self._idle0 > self.removal_wait else "NO"
        return max(by_itself, configured, key=("NO", "WAIT", "IDLE").index)

    def _excess(self, removal: str, min_idle: int, pending: int, unsubmitted: int) -> int:
        margin = self.margin if self.requests_tracking else 0
        too_many = pending - min_idle - margin
        if removal == "WAIT" or (removal == "IDLE" and unsubmitted):
            too_many = min(too_many, unsubmitted)
        return 0 if removal == "NO" else max(0, min(too_many, self.max_removes))
