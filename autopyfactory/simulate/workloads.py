"""The shipped workloads: each a function of a random generator, so that seeds give repetitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from random import Random

from autopyfactory.simulate.models import CEModel, Job, Period, Workload

HOUR = 3600.0


def _poisson(rng: Random, per_hour: float, start: float, end: float) -> Iterator[float]:
    """Yield moments of a Poisson process between two hours."""
    t = start * HOUR
    while (t := t + rng.expovariate(per_hour / HOUR)) < end * HOUR:
        yield t


def _around(rng: Random, median: float, sigma: float) -> float:
    """Draw a duration from a log-normal distribution."""
    return median * math.exp(rng.gauss(0.0, sigma))


def _jobs(rng: Random, times: Iterator[float], minutes: float, sigma: float = 0.4) -> tuple[Job, ...]:
    return tuple(Job(t, _around(rng, minutes * 60.0, sigma)) for t in times)


def steady(rng: Random) -> Workload:
    """Twelve hours of jobs at one rate."""
    return Workload(
        "steady",
        "120 jobs an hour for 12 hours, 40 minutes each",
        _jobs(rng, _poisson(rng, 120, 0, 12), 40),
    )


def burst(rng: Random) -> Workload:
    """Little work, and three times a lot at once."""
    jobs = list(_jobs(rng, _poisson(rng, 20, 0, 12), 20))
    for hour, count in ((1.0, 300), (5.0, 600), (9.0, 150)):
        moments = (hour * HOUR + rng.uniform(0, 120) for _ in range(count))
        jobs.extend(_jobs(rng, moments, 20))
    return Workload("burst", "20 jobs an hour, and 300, 600 and 150 at once; 20 minutes each", _sorted(jobs))


def users(rng: Random) -> Workload:
    """Many small users: short jobs in little groups at any time."""
    jobs: list[Job] = []
    for t in _poisson(rng, 30, 0, 12):
        size = min(60, 1 + int(rng.expovariate(1 / 8)))
        minutes = _around(rng, 6, 0.7)
        jobs.extend(_jobs(rng, (t + rng.uniform(0, 30) for _ in range(size)), minutes, 0.2))
    return Workload("users", "30 groups of about 8 jobs an hour, mostly of some minutes", _sorted(jobs))


def tail(rng: Random) -> Workload:
    """A campaign that ends: full, then less and less."""
    jobs: list[Job] = []
    for hour in range(10):
        rate = 400 * math.exp(-hour / 2.0)
        jobs.extend(_jobs(rng, _poisson(rng, rate, hour, hour + 1), 45))
    return Workload(
        "tail", "400 jobs in the first hour, fading to 4 in the tenth; 45 minutes each", _sorted(jobs)
    )


def outage(rng: Random) -> Workload:
    """The site is down for two hours amid steady work."""
    ce = CEModel(outages=(Period(4 * HOUR, 6 * HOUR),))
    return Workload(
        "outage",
        "120 jobs an hour for 12 hours, 30 minutes each; the site is down from hour 4 to 6",
        _jobs(rng, _poisson(rng, 120, 0, 12), 30),
        ce,
    )


def slowce(rng: Random) -> Workload:
    """Pilots wait 40 minutes before they start, while the demand swings."""
    jobs: list[Job] = []
    for quarter in range(48):
        rate = 90 * (1.0 + 0.8 * math.sin(2 * math.pi * quarter / 16))
        jobs.extend(_jobs(rng, _poisson(rng, rate, quarter / 4, (quarter + 1) / 4), 25))
    ce = CEModel(latency=2400.0, latency_sigma=0.6)
    return Workload(
        "slowce",
        "18 to 162 jobs an hour in waves of 4 hours, 25 minutes each; pilots wait 40 minutes to start",
        _sorted(jobs),
        ce,
    )


def flapping(rng: Random) -> Workload:
    """For half an hour in every two, most pilots fail at once."""
    flaps = tuple(Period((2 * k + 1) * HOUR, (2 * k + 1.5) * HOUR) for k in range(6))
    return Workload(
        "flapping",
        "120 jobs an hour, 20 minutes each; 9 of 10 pilots fail during 30 minutes of every 2 hours",
        _jobs(rng, _poisson(rng, 120, 0, 12), 20),
        CEModel(flaps=flaps),
    )


def _sorted(jobs: list[Job]) -> tuple[Job, ...]:
    return tuple(sorted(jobs, key=lambda j: j.ready_at))


WORKLOADS: dict[str, Callable[[Random], Workload]] = {
    f.__name__: f for f in (steady, burst, users, tail, outage, slowce, flapping)
}
