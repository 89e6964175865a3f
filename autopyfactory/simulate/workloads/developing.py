"""The workloads that rules are developed and tuned on: each a function of a random generator.

What is said of a rule is measured on others: see `judging`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

from autopyfactory.simulate.models import ALWAYS, CES, HOUR, CEModel, Job, Period, Workload
from autopyfactory.simulate.workloads.arrivals import around, at_once, in_order, jobs, poisson


def steady(rng: Random) -> Workload:
    """Twelve hours of jobs at one rate."""
    found = jobs(rng, poisson(rng, 120, 0, 12), 40)
    return Workload("steady", "120 jobs an hour for 12 hours, 40 minutes each", tuple(found))


def burst(rng: Random) -> Workload:
    """Little work, and three times a lot at once."""
    found = jobs(rng, poisson(rng, 20, 0, 12), 20)
    for hour, count in ((1.0, 300), (5.0, 600), (9.0, 150)):
        found += jobs(rng, at_once(rng, hour, count), 20)
    words = "20 jobs an hour, and 300, 600 and 150 at once; 20 minutes each"
    return Workload("burst", words, in_order(found))


def users(rng: Random) -> Workload:
    """Many small users: short jobs in little groups at any time."""
    found: list[Job] = []
    for t in poisson(rng, 30, 0, 12):
        size = min(60, 1 + int(rng.expovariate(1 / 8)))
        minutes = around(rng, 6, 0.7)
        found += jobs(rng, (t + rng.uniform(0, 30) for _ in range(size)), minutes, 0.2)
    return Workload("users", "30 groups of about 8 jobs an hour, mostly of some minutes", in_order(found))


def tail(rng: Random) -> Workload:
    """A campaign that ends: full, then less and less."""
    found: list[Job] = []
    for hour in range(10):
        found += jobs(rng, poisson(rng, 400 * math.exp(-hour / 2.0), hour, hour + 1), 45)
    words = "400 jobs in the first hour, fading to 4 in the tenth; 45 minutes each"
    return Workload("tail", words, in_order(found))


def outage(rng: Random) -> Workload:
    """The site is down for two hours amid steady work."""
    ce = CEModel(outages=(Period(4 * HOUR, 6 * HOUR),))
    words = "120 jobs an hour for 12 hours, 30 minutes each; the site is down from hour 4 to 6"
    return Workload("outage", words, tuple(jobs(rng, poisson(rng, 120, 0, 12), 30)), (ce,))


def slowce(rng: Random) -> Workload:
    """Pilots wait 40 minutes before they start, while the demand swings."""
    found: list[Job] = []
    for quarter in range(48):
        rate = 90 * (1.0 + 0.8 * math.sin(2 * math.pi * quarter / 16))
        found += jobs(rng, poisson(rng, rate, quarter / 4, (quarter + 1) / 4), 25)
    words = "18 to 162 jobs an hour in waves of 4 hours, 25 minutes each; pilots wait 40 minutes to start"
    return Workload("slowce", words, in_order(found), (CES["slow"],))


def flapping(rng: Random) -> Workload:
    """For half an hour in every two, most pilots fail at once."""
    flaps = tuple(Period((2 * k + 1) * HOUR, (2 * k + 1.5) * HOUR) for k in range(6))
    words = "120 jobs an hour, 20 minutes each; 9 of 10 pilots fail during 30 minutes of every 2 hours"
    found = jobs(rng, poisson(rng, 120, 0, 12), 20)
    return Workload("flapping", words, tuple(found), (CEModel(flaps=flaps),))


def full(rng: Random) -> Workload:
    """More work than slots, which others want as well, and pilots that live for two hours."""
    found = jobs(rng, at_once(rng, 0.2, 400, HOUR), 30) + jobs(rng, poisson(rng, 60, 1, 8), 30)
    ce = CEModel(slots=200, others=0.5, others_swing=0.3, lifetime=2 * HOUR)
    words = "400 jobs in an hour, then 60 an hour; about 100 slots, others take the rest; pilots live 2 hours"
    return Workload("full", words, in_order(found), (ce,))


def misfit(rng: Random) -> Workload:
    """Some jobs fit no pilot of the queue."""
    found = jobs(rng, poisson(rng, 60, 0, 10), 25)
    found += [Job(t, 600.0, fits=False, cancelled_at=10 * HOUR) for t in at_once(rng, 1, 40)]
    words = "60 jobs an hour, 25 minutes each; and 40 jobs that fit no pilot, from hour 1 to 10"
    return Workload("misfit", words, in_order(found))


def onedead(rng: Random) -> Workload:
    """Two sites serve one demand, and one of them starts nothing."""
    found = jobs(rng, poisson(rng, 90, 0, 10), 30) + jobs(rng, at_once(rng, 3, 150), 30)
    words = "90 jobs an hour and once 150 at once, 30 minutes each; two sites, one of which is dead"
    return Workload("onedead", words, in_order(found), (CEModel(), CEModel(outages=(ALWAYS,))))


def eights(rng: Random) -> Workload:
    """Pilots that run eight payloads at the same time."""
    found = jobs(rng, poisson(rng, 200, 0, 10), 15) + jobs(rng, at_once(rng, 4, 400), 15)
    words = "200 jobs an hour and once 400 at once, 15 minutes each; pilots run eight at the same time"
    return Workload("eights", words, in_order(found), (replace(CEModel(slots=80), payloads=8),))


DEVELOPING = (steady, burst, users, tail, outage, slowce, flapping, full, misfit, onedead, eights)
