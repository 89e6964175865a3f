"""What workloads are drawn with: arrivals and durations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from random import Random

from autopyfactory.simulate.models import HOUR, Job


def poisson(rng: Random, per_hour: float, start: float, end: float) -> Iterator[float]:
    """Yield moments of a Poisson process between two hours."""
    t = start * HOUR
    while (t := t + rng.expovariate(per_hour / HOUR)) < end * HOUR:
        yield t


def around(rng: Random, median: float, sigma: float) -> float:
    """Draw a duration from a log-normal distribution."""
    return median * math.exp(rng.gauss(0.0, sigma))


def pareto(rng: Random, least: float, alpha: float, most: float) -> float:
    """Draw from a Pareto distribution cut off at `most`: many small ones, a few very large."""
    return min(most, least * rng.paretovariate(alpha))


def jobs(rng: Random, times: Iterable[float], minutes: float, sigma: float = 0.4) -> list[Job]:
    """Return jobs that become ready at `times`, with log-normal durations."""
    return [Job(t, around(rng, minutes * 60.0, sigma)) for t in times]


def at_once(rng: Random, hour: float, count: int, within: float = 120.0) -> Iterator[float]:
    """Yield `count` moments within a short time."""
    return (hour * HOUR + rng.uniform(0.0, within) for _ in range(count))


def in_order(found: Iterable[Job]) -> tuple[Job, ...]:
    """Return jobs in the order in which they become ready."""
    return tuple(sorted(found, key=lambda j: j.ready_at))
