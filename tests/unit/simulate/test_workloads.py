"""The shipped workloads, and the real arrivals among them."""

from __future__ import annotations

from random import Random

import pytest

from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.run import run
from autopyfactory.simulate.workloads import FOR_DEVELOPING, FOR_JUDGING, WORKLOADS
from autopyfactory.simulate.workloads.nasa import days


@pytest.mark.parametrize("name", WORKLOADS)
def test_they_get_done(name):
    workload = WORKLOADS[name](Random(5))
    assert workload.name == name
    assert list(workload.jobs) == sorted(workload.jobs, key=lambda j: j.ready_at)
    result = run(from_texts({"schedplugin": "Ready"}).chain, workload)
    assert result.jobs == sum(job.fits for job in workload.jobs)
    cancelled = sum(job.fits and job.cancelled_at < float("inf") for job in workload.jobs)
    assert result.jobs - cancelled <= result.done <= result.jobs


def test_those_for_judging_are_others_than_those_for_developing():
    assert not set(FOR_DEVELOPING) & set(FOR_JUDGING)
    assert len(FOR_JUDGING) >= 8


def test_a_seed_is_a_repetition():
    assert all(make(Random(3)) == make(Random(3)) for make in WORKLOADS.values())


def test_the_days_at_nasa():
    assert len(days()) == 10
    assert all(day[0].ready_at == 0 for day in days())
    assert all(day[-1].ready_at < 86400 for day in days())
    assert sum(len(day) for day in days()) > 3560  # jobs on many processors are several payloads
