"""Policies compared: each in many settings over many workloads, and Adaptive against the best of them.

A policy that sends more waits less and wastes more, so single runs say little. Each reference policy runs in
a grid of settings; Adaptive, with its defaults, is held against the one with the fewest empty pilot-hours
among those that wait no longer than it does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from random import Random
from statistics import fmean

from autopyfactory.model.decision import Rule
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.models import CEModel, Workload
from autopyfactory.simulate.reference import GlideinWMS, Harvester
from autopyfactory.simulate.run import Result, run

Maker = Callable[[Random], Workload]
EQUAL = 1.02  # waits that differ by less are equal: seeds make more difference


@dataclass(frozen=True, slots=True)
class Policy:
    """A chain with a name; `family` is what it is a setting of."""

    family: str
    label: str
    chain: Sequence[Rule]


def ready_chain(factor: float, per_cycle: int, pending: int) -> Policy:
    """Return the usual chain of AutoPyFactory in one setting."""
    texts = {
        "schedplugin": "Ready,Scale,MaxPerCycle,MaxPending",
        "sched.scale.factor": str(factor),
        "sched.maxpercycle.maximum": str(per_cycle),
        "sched.maxpending.maximum": str(pending),
    }
    label = f"factor {factor:g}, {per_cycle} per cycle, {pending} pending"
    return Policy("Ready chain", label, from_texts(texts).chain)


def glideinwms(attenuation: float, max_idle: int) -> Policy:
    """Return the formulas of glideinWMS in one setting."""
    rule = GlideinWMS(attenuation=attenuation, max_idle=max_idle)
    return Policy("glideinWMS", f"attenuation {attenuation:g}, max idle {max_idle}", (rule,))


def harvester(min_pilots: int, queue_limit: int) -> Policy:
    """Return the formula of Harvester in one setting."""
    rule = Harvester(min_pilots=min_pilots, queue_limit=queue_limit, max_new=queue_limit)
    return Policy("Harvester", f"queue limit {queue_limit}, min {min_pilots}", (rule,))


def adaptive() -> Policy:
    """Return Adaptive with its defaults."""
    return Policy("Adaptive", "defaults", from_texts({"schedplugin": "Adaptive"}).chain)


def adaptive_that_keeps() -> Policy:
    """Return Adaptive where pilots cannot or must not be taken back."""
    texts = {"schedplugin": "Adaptive", "sched.adaptive.withdraw": "False"}
    return Policy("Adaptive, no withdrawal", "defaults", from_texts(texts).chain)


DEFAULTS: dict[str, Callable[[], Policy]] = {
    "Ready chain": lambda: ready_chain(1.0, 100, 100),
    "glideinWMS": lambda: glideinwms(3.0, 100),
    "Harvester": lambda: harvester(1, 100),
    "Adaptive": adaptive,
    "Adaptive, no withdrawal": adaptive_that_keeps,
}


def references() -> Iterator[Policy]:
    """Yield the reference policies in all settings of the grid."""
    for factor, per_cycle, pending in product((0.5, 1.0), (10, 50, 1000), (20, 50, 100, 1000)):
        yield ready_chain(factor, per_cycle, pending)
    for attenuation, max_idle in product((1.0, 2.0, 3.0, 5.0), (50, 100, 1000)):
        yield glideinwms(attenuation, max_idle)
    for queue_limit in (20, 50, 100, 1000):
        yield harvester(0, queue_limit)  # with 1, its default, a pilot without work is always on its way


@dataclass(frozen=True, slots=True)
class Score:
    """Means over the seeds: what is compared."""

    policy: Policy
    mean_wait: float  # seconds
    p95_wait: float
    pilots: float
    removed: float
    empty_hours: float
    idle_hours: float


def score(policy: Policy, maker: Maker, seeds: Sequence[int], ce: CEModel | None = None) -> Score:
    """Run `policy` once per seed, on the same jobs for every policy."""
    results = [run(policy.chain, maker(Random(seed)), ce=ce, seed=seed) for seed in seeds]
    return Score(policy, **mean(results, Score))


def mean(results: Sequence[Result], wanted: type[Score]) -> dict[str, float]:
    """Return the means of the quantities that `wanted` has."""
    names = [f.name for f in fields(wanted) if f.name != "policy"]
    return {name: fmean(getattr(r, name) for r in results) for name in names}


@dataclass(frozen=True, slots=True)
class Duel:
    """Adaptive against the references on one workload."""

    workload: str
    adaptive: Score
    best: Score  # fewest empty hours among those that wait no longer; else among the fastest
    matched: bool  # whether any reference waits as little as Adaptive

    @property
    def saved(self) -> float:
        """The part of the best reference's empty pilot-hours that is avoided; negative: there are more."""
        if self.best.empty_hours <= 0:
            return 0.0
        return 1.0 - self.adaptive.empty_hours / self.best.empty_hours


def duel(workload: str, mine: Score, scores: Sequence[Score]) -> Duel:
    """Pick the reference that `mine` has to be held against."""
    fastest = min(s.mean_wait for s in scores)
    matched = fastest <= mine.mean_wait * EQUAL
    limit = EQUAL * (mine.mean_wait if matched else fastest)
    best = min((s for s in scores if s.mean_wait <= limit), key=lambda s: s.empty_hours)
    return Duel(workload, mine, best, matched)


def tournament(
    workloads: Mapping[str, Maker], seeds: Sequence[int], tell: Callable[[str], None] = lambda _: None
) -> tuple[list[Score], list[Duel]]:
    """Run everything; return the scores of the default settings and the duels, workload by workload."""
    plain: list[Score] = []
    duels: list[Duel] = []
    policies = list(references())
    for name, maker in workloads.items():
        tell(f"{name}: {len(policies)} settings, {len(seeds)} seeds each")
        default = [score(make(), maker, seeds) for make in DEFAULTS.values()]
        plain.extend(default)
        mine = next(s for s in default if s.policy.family == "Adaptive")
        duels.append(duel(name, mine, [score(p, maker, seeds) for p in policies]))
    return plain, duels
