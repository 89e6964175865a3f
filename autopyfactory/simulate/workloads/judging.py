"""The workloads that rules are judged by; no rule is tuned on them. Each a function of a random generator."""

from __future__ import annotations

import math
from random import Random

from autopyfactory.simulate.models import ALWAYS, HOUR, MINUTE, CEModel, Job, Period, Timing, Workload
from autopyfactory.simulate.workloads.arrivals import around, at_once, in_order, jobs, pareto, poisson
from autopyfactory.simulate.workloads.nasa import days


def nasa(rng: Random) -> Workload:
    """A day of real arrivals and run times."""
    day = rng.choice(days())
    return Workload("nasa", "a day at NASA Ames, 1993: real arrivals and run times", day)


def heavytail(rng: Random) -> Workload:
    """Sizes of groups and durations have heavy tails; users lose patience."""
    found: list[Job] = []
    for t in poisson(rng, 12, 0, 10):
        minutes = pareto(rng, 3, 1.1, 240)
        gives_up = t + around(rng, 2 * HOUR, 0.7) if rng.random() < 0.2 else math.inf
        for _ in range(int(pareto(rng, 2, 1.0, 150))):
            found.append(Job(t + rng.uniform(0, 60), around(rng, minutes * 60, 0.3), cancelled_at=gives_up))
    words = "12 groups an hour of 2 to 150 jobs, of 3 minutes to 4 hours, Pareto; one in five is cancelled"
    return Workload("heavytail", words, in_order(found))


def campaign(rng: Random) -> Workload:
    """A production campaign at a site that others fill, with pilots of a short life."""
    found = jobs(rng, poisson(rng, 250, 0, 3), 35) + jobs(rng, poisson(rng, 50, 3, 9), 35)
    ce = CEModel(slots=300, others=0.6, others_swing=0.4, lifetime=3 * HOUR, starts_per_minute=20)
    words = "250 jobs an hour for 3 hours, then 50; 35 minutes each; about 120 slots, pilots live 3 hours"
    return Workload("campaign", words, in_order(found), (ce,))


def hopeless(rng: Random) -> Workload:
    """More and more jobs that match nothing, beside some that do."""
    found = jobs(rng, poisson(rng, 40, 0, 10), 12, 0.8)
    for t in poisson(rng, 2, 0, 8):
        until = t + around(rng, 3 * HOUR, 0.4)
        found += [Job(t, 900.0, fits=False, cancelled_at=until) for _ in range(rng.randrange(2, 30))]
    words = "40 jobs an hour of 12 minutes; and twice an hour 2 to 29 that match nothing, for 3 hours"
    return Workload("hopeless", words, in_order(found))


def unequal(rng: Random) -> Workload:
    """A small slow site and a large fast one serve one demand."""
    found = jobs(rng, poisson(rng, 100, 0, 10), 22, 0.6) + jobs(rng, at_once(rng, 4, 200, 600), 22, 0.6)
    sites = (CEModel(slots=400, latency=120), CEModel(slots=60, latency=900, latency_sigma=0.7))
    words = "100 jobs an hour and once 200, 22 minutes each; two sites, one small and slow"
    return Workload("unequal", words, in_order(found), sites)


def dying(rng: Random) -> Workload:
    """Three sites, one of which is dead and one dies for some hours."""
    found = jobs(rng, poisson(rng, 110, 0, 10), 18)
    sites = (CEModel(), CEModel(outages=(Period(3 * HOUR, 6 * HOUR),)), CEModel(outages=(ALWAYS,)))
    words = "110 jobs an hour, 18 minutes each; three sites, one dead, one down from hour 3 to 6"
    return Workload("dying", words, tuple(found), sites)


def wide(rng: Random) -> Workload:
    """Pilots of eight payloads, for jobs of a few minutes that come in groups."""
    found: list[Job] = []
    for t in poisson(rng, 15, 0, 10):
        found += jobs(rng, (t + rng.uniform(0, 60) for _ in range(rng.randrange(4, 60))), 8, 0.7)
    ce = CEModel(slots=100, payloads=8, latency=360)
    return Workload(
        "wide", "15 groups an hour of 4 to 59 jobs, 8 minutes each; pilots run eight", in_order(found), (ce,)
    )


def blackhole(rng: Random) -> Workload:
    """A node on which every pilot dies draws a third of them, amid waves of work."""
    found: list[Job] = []
    for hour in range(10):
        found += jobs(rng, poisson(rng, 160 if hour % 3 == 1 else 30, hour, hour + 1), 28, 0.5)
    ce = CEModel(holes=(Period(2.5 * HOUR, 6 * HOUR),), failing=0.03)
    words = "30 jobs an hour, 160 in every third; a node draws a third of the pilots and fails them all"
    return Workload("blackhole", words, in_order(found), (ce,))


def rarely(rng: Random) -> Workload:
    """Cycles of six minutes, counts of the WMS that are up to five minutes old."""
    found = jobs(rng, poisson(rng, 70, 0, 10), 30, 0.6) + jobs(rng, at_once(rng, 5, 250), 30, 0.6)
    timing = Timing(cycle=360.0, poll=150.0, wms=300.0)
    words = "70 jobs an hour and once 250, 30 minutes each; cycles of six minutes, old counts"
    return Workload("rarely", words, in_order(found), timing=timing)


def daily(rng: Random) -> Workload:
    """A day and a night of many users, some pilots finding a busy site."""
    found: list[Job] = []
    for quarter in range(96):
        rate = 8 * (1.0 + 0.9 * math.sin(2 * math.pi * (quarter - 24) / 96))
        for t in poisson(rng, rate, quarter / 4, (quarter + 1) / 4):
            size = int(pareto(rng, 1, 0.9, 60))
            minutes = around(rng, 10, 1.0)
            found += jobs(rng, (t + rng.uniform(0, 5 * MINUTE) for _ in range(size)), minutes, 0.4)
    ce = CEModel(slots=250, others=0.4, others_swing=0.4, latency=420, latency_sigma=0.8)
    words = "users over a day and a night, groups of 1 to 60, 10 minutes; a site that is busy at times"
    return Workload("daily", words, in_order(found), (ce,))


JUDGING = (nasa, heavytail, campaign, hopeless, unequal, dying, wide, blackhole, rarely, daily)
