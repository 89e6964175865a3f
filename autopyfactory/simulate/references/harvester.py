"""Harvester: the worker adjuster in pull mode.

Written from the published formulas of Harvester 0.7 (d561b72f); no code is copied. Numbers:
`pandaharvester/harvesterbody/worker_adjuster.py` (`define_num_workers`); limits by ratio:
`pandaharvester/harvestercore/db_proxy.py` (`get_worker_limits`); how workers are spread over CEs:
`pandaharvester/harvestersubmitter/submitter_common.py` (`get_ce_weighting`); the age of the job statistics:
`templates/panda/panda_harvester.cfg.rpmnew.template` (`[cacher] refreshInterval`, 10 minutes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, RecentPilots, Step
from autopyfactory.simulate.poolinputs import PoolInputs


@dataclass
class Harvester:
    """New workers of one queue, and the part of them that goes to one of its CEs.

    Most queued workers = activated jobs by the statistics of the last ten minutes (at least 1 if there are
    any, else `min_pilots`), at most the limit; the limit is `queue_limit`, or with `ratio` that part (in
    percent) of the running workers, at least `ratio_min`. New workers = what is missing from it, within
    `max_workers` in all and `max_new` per cycle. With several CEs each gets what it lacks of its part of the
    queued ones, by the mean of an equal part and of what it lately started of what was sent there.
    """

    min_pilots: int = 1  # 0 is its option noPilotsWhenNoActiveJobs
    queue_limit: int = 100
    ratio: int | None = None
    ratio_min: int = 1
    max_workers: int = 10000
    max_new: int = 100
    payloads: int = 1

    name: ClassVar[str] = "Harvester"
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})
    acts_at_once: ClassVar[bool] = True
    uses: ClassVar[frozenset[Need]] = frozenset({"history"})  # for the throughput of its CEs

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the number of new workers."""
        assert isinstance(inputs, PoolInputs) and inputs.cached is not None and inputs.batch is not None
        jobs = inputs.cached.ready / self.payloads
        least = 1 if jobs > 0 else self.min_pilots
        queued_now = sum(pending for pending, _ in inputs.active)
        running = sum(running for _, running in inputs.active)
        queued = min(max(int(jobs), least), self._limit(running))
        new = max(queued - queued_now, 0)
        new = max(0, min(new, self.max_workers - queued_now - running, self.max_new))
        out = new if len(inputs.active) == 1 else self._of_ce(new, queued, inputs)
        return Step(self.name, n, out, f"{queued} queued workers wanted, {queued_now} are")

    def _limit(self, running: int) -> int:
        if self.ratio is None:
            return self.queue_limit
        return min(self.queue_limit, max(running * self.ratio // 100, self.ratio_min))

    def _of_ce(self, new: int, queued: int, inputs: PoolInputs) -> int:
        """Return what of `new` goes to this CE: as far as it lacks its part of the queued workers."""
        weights = [self._weight(h, len(inputs.histories)) for h in inputs.histories]
        total = sum(weights) or 1.0
        lacks = [
            max(queued * w / total - pending, 0.001)
            for w, (pending, _) in zip(weights, inputs.active, strict=True)
        ]
        return round(new * lacks[inputs.site_index] / sum(lacks))

    @staticmethod
    def _weight(history: RecentPilots, count: int) -> float:
        sent, started = history.submitted, min(history.started, history.submitted)
        return 0.5 / count + 0.5 * (math.log1p(sent) - math.log1p(sent - started))
