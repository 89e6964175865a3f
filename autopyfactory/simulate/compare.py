"""Policies compared at equal wait: ours against the hull of all references, workload by workload.

Every policy in every setting runs on the same jobs and under the same weather, seed by seed. What is compared
are means over the seeds; spreads come from drawing the seeds anew with replacement (bootstrap).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from os import nice
from random import Random
from statistics import fmean

from autopyfactory.simulate.hull import Hull, Point, hull
from autopyfactory.simulate.policies import OURS, Policy
from autopyfactory.simulate.run import Simulation
from autopyfactory.simulate.workloads import WORKLOADS

DRAWS = 200  # of the bootstrap
SPREAD = (0.1, 0.9)
POLITE = 10  # niceness of the processes: a comparison takes minutes of all cores
LITTLE = 0.05  # pilot-hours: less than that, one pilot that lost its way, is nobody's waste


@dataclass(frozen=True, slots=True)
class Run:
    """What is kept of one simulation; see `Result`."""

    mean_wait: float
    p95_wait: float
    empty_hours: float
    idle_hours: float
    operations: float
    killed: float


MEASURES = tuple(f.name for f in fields(Run))


@dataclass(frozen=True, slots=True)
class Score:
    """One setting on one workload: one run per seed."""

    policy: Policy
    runs: tuple[Run, ...]

    def mean(self, measure: str) -> float:
        """Return the mean over the seeds."""
        return fmean(getattr(run, measure) for run in self.runs)

    def point(self, waste: str, draw: Sequence[int] | None = None) -> Point:
        """Return mean wait and waste, of all seeds or of those drawn."""
        runs = self.runs if draw is None else [self.runs[i] for i in draw]
        return fmean(r.mean_wait for r in runs), fmean(getattr(r, waste) for r in runs)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Our one setting against the hull of all references on one workload."""

    workload: str
    ours: Score
    ready: Score  # Ready as it comes
    waste: float  # of the hull at our wait
    saved: float  # part of it that we avoid; negative: ours is more
    low: float  # 10 % of the draws save less
    high: float
    wait: float  # of the hull at our waste
    faster: bool  # than every reference
    idle_saved: float  # the same as `saved` for all hours without payload

    @property
    def operations(self) -> float:
        """Operations on the CE, as a multiple of those of Ready."""
        return self.ours.mean("operations") / max(1.0, self.ready.mean("operations"))


# --- running ------------------------------------------------------------------------------------


def one(policy: Policy, workload: str, seed: int) -> Run:
    """Run one setting on one workload with one seed."""
    made = WORKLOADS[workload](Random(seed))
    chains = [policy.chain(made) for _ in made.sites]
    result = Simulation(chains, made, seed=seed, pool=policy.pool).run()
    return Run(*(float(getattr(result, name)) for name in MEASURES))


_POLICIES: list[Policy] = []  # of the processes that are forked to run them


def _task(task: tuple[str, int]) -> list[Run]:
    workload, seed = task
    return [one(policy, workload, seed) for policy in _POLICIES]


def scores(
    policies: Sequence[Policy],
    workloads: Sequence[str],
    seeds: Sequence[int],
    processes: int = 1,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, list[Score]]:
    """Run everything; return the scores of each workload, in the order of `policies`."""
    tasks = [(workload, seed) for workload in workloads for seed in seeds]
    _POLICIES[:] = policies
    if processes == 1:
        return _gather(policies, workloads, seeds, map(_task, tasks), tell)
    with ProcessPoolExecutor(processes, get_context("fork"), initializer=nice, initargs=(POLITE,)) as pool:
        return _gather(policies, workloads, seeds, pool.map(_task, tasks), tell)


def _gather(
    policies: Sequence[Policy],
    workloads: Sequence[str],
    seeds: Sequence[int],
    results: Iterable[list[Run]],
    tell: Callable[[str], None],
) -> dict[str, list[Score]]:
    found = iter(results)
    all_scores = {}
    for workload in workloads:
        by_seed = [next(found) for _ in seeds]
        all_scores[workload] = [
            Score(policy, tuple(runs))
            for policy, runs in zip(policies, zip(*by_seed, strict=True), strict=True)
        ]
        tell(f"{workload}: {len(policies)} settings, {len(seeds)} seeds each")
    return all_scores


# --- judging ------------------------------------------------------------------------------------


def saved(ours: Point, limit: Hull) -> float:
    """Return the part of the hull's waste at our wait that we avoid."""
    waste = limit.waste_at(ours[0])
    if waste < LITTLE and ours[1] < LITTLE:
        return 0.0
    return 1.0 - ours[1] / max(LITTLE, waste)


def judge_all(found: Mapping[str, Sequence[Score]], label: str | None = None) -> list[Verdict]:
    """Hold one of our settings against the hull of all references, on every workload."""
    return [judge(workload, scores, label) for workload, scores in found.items()]


def judge(workload: str, found: Sequence[Score], label: str | None = None, *, seed: int = 1) -> Verdict:
    """Hold our setting `label`, or as it comes, against the hull of all references."""
    ours, ready, others = pick(found, label)
    draws = list(_draws(len(ours.runs), seed))
    spread = sorted(
        saved(ours.point("empty_hours", d), hull(o.point("empty_hours", d) for o in others)) for d in draws
    )
    point, limit = ours.point("empty_hours"), hull(o.point("empty_hours") for o in others)
    return Verdict(
        workload,
        ours,
        ready,
        waste=limit.waste_at(point[0]),
        saved=saved(point, limit),
        low=_quantile(spread, SPREAD[0]),
        high=_quantile(spread, SPREAD[1]),
        wait=limit.wait_at(point[1]),
        faster=point[0] < limit.fastest,
        idle_saved=saved(ours.point("idle_hours"), hull(o.point("idle_hours") for o in others)),
    )


def pick(found: Sequence[Score], label: str | None = None) -> tuple[Score, Score, list[Score]]:
    """Return our setting `label` or the one that comes, Ready as it comes, and all references."""
    mine = [s for s in found if s.policy.family == OURS]
    ours = next(s for s in mine if (s.policy.default if label is None else s.policy.label == label))
    ready = next(s for s in found if s.policy.family == "Ready" and s.policy.default)
    return ours, ready, [s for s in found if s.policy.family != OURS]


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Settings as people run them: one for all workloads; means over the workloads."""

    points: Mapping[Policy, Point]
    saved: float
    wait: float  # ours
    waste: float


def everywhere(found: Mapping[str, Sequence[Score]], *, relative: bool = True) -> Everywhere:
    """Hold our one setting against the hull of references that also keep one for all workloads.

    `relative`: wait and waste as multiples of Ready's, so that each workload counts alike; else in seconds
    and hours, as a factory sees them that has all these queues.
    """
    points: dict[Policy, list[Point]] = {}
    for all_scores in found.values():
        _, ready, _ = pick(all_scores)
        wait0, waste0 = ready.point("empty_hours") if relative else (1.0, 1.0)
        for s in all_scores:
            wait, waste = s.point("empty_hours")
            points.setdefault(s.policy, []).append((wait / max(1.0, wait0), waste / max(LITTLE, waste0)))
    means = {p: (fmean(x for x, _ in found), fmean(y for _, y in found)) for p, found in points.items()}
    ours = next(v for p, v in means.items() if p.family == OURS and p.default)
    limit = hull(v for p, v in means.items() if p.family != OURS)
    return Everywhere(means, saved(ours, limit), *ours)


def _draws(count: int, seed: int) -> Iterable[list[int]]:
    rng = Random(seed)
    for _ in range(DRAWS):
        yield [rng.randrange(count) for _ in range(count)]


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[round(part * (len(ordered) - 1))]
