"""The simulated grid: jobs are neither lost nor doubled, pilots do what pilots do."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.simulate.models import CES, CEModel, Job, Period, Workload, parse_ce
from autopyfactory.simulate.world import World

EXACT = CEModel(latency=100, latency_sigma=0, boot=50, boot_sigma=0, idle=300, failing=0)


def world(jobs, ce=EXACT, seed=1):
    env = simpy.Environment()
    return World(env, Workload("w", "", tuple(Job(*j) for j in jobs), ce), ce, Random(seed))


def test_a_pilot_travels_boots_works_waits_and_ends():
    w = world([(0, 1000)])
    w.send(1)
    seen = {}
    for t in (99, 101, 149, 151, 1149, 1151, 1449, 1451):
        w.env.run(until=t)
        wms, batch = w.counts()
        seen[t] = (wms.ready, wms.running, batch.pending, batch.running)
    assert seen == {
        99: (1, 0, 1, 0),
        101: (1, 0, 0, 1),
        149: (1, 0, 0, 1),
        151: (0, 1, 0, 1),
        1149: (0, 1, 0, 1),
        1151: (0, 0, 0, 1),
        1449: (0, 0, 0, 1),
        1451: (0, 0, 0, 0),
    }
    assert w.ended[0].wall == 1350
    assert w.ended[0].busy == 1000


def test_an_idle_pilot_takes_a_job_that_comes():
    w = world([(0, 10), (300, 10)])
    w.send(1)
    w.env.run(until=2000)
    assert w.finished
    assert w.ended[0].payloads == 2
    assert w.jobs[1].started == 300


def test_a_pilot_without_work_is_empty():
    w = world([(5000, 10)])
    w.send(1)
    w.env.run(until=1000)
    assert [(p.payloads, p.wall) for p in w.ended] == [(0, 350)]


def test_slots_limit_what_runs():
    w = world([(0, 1000)] * 5, replace(EXACT, slots=2))
    w.send(5)
    w.env.run(until=500)
    assert len(w.running) == 2
    assert len(w.pending) == 3


def test_a_pilot_takes_no_job_after_its_lifetime():
    w = world([(0, 400)] * 9, replace(EXACT, lifetime=1000))
    w.send(1)
    w.env.run(until=10000)
    assert w.jobs_done == 3
    assert w.ended[0].wall == 50 + 3 * 400


def test_failing_pilots_take_no_job():
    w = world([(0, 10)], replace(EXACT, failing=1.0))
    w.send(3)
    w.env.run(until=1000)
    assert [p.failed for p in w.ended] == [True] * 3
    assert len(w.ready) == 1


def test_retire_takes_pending_pilots_first_and_lets_payloads_end():
    w = world([(0, 1000)])
    w.send(1)
    w.env.run(until=200)
    w.send(2)
    w.retire(3)
    assert (len(w.pending), w.removed) == (0, 2)
    w.env.run(until=1149)
    assert len(w.running) == 1
    w.env.run(until=1151)
    assert w.finished
    assert not w.running


def test_in_an_outage_nothing_starts_and_lost_jobs_come_back():
    w = world([(0, 1000)], replace(EXACT, outages=(Period(500, 2000),)))
    w.send(2)
    w.env.run(until=600)
    assert (len(w.running), len(w.ready)) == (0, 1)
    w.send(1)
    w.env.run(until=1999)
    assert len(w.pending) == 1
    w.env.run(until=4000)
    assert w.finished
    assert w.jobs[0].started == 150


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 4000), st.floats(1, 2000)), min_size=1, max_size=20),
    st.lists(st.tuples(st.integers(-4, 8), st.floats(1, 400)), max_size=20),
    st.integers(0, 99),
)
def test_jobs_and_pilots_are_conserved(jobs, orders, seed):
    ce = CEModel(slots=5, latency=60, boot=20, idle=50, failing=0.2, outages=(Period(800, 1200),))
    w = world(sorted(jobs), ce, seed)
    sent = 0
    for n, pause in orders:
        if n > 0:
            w.send(n)
            sent += n
        else:
            w.retire(-n)
        w.env.run(until=w.env.now + pause)
        wms, batch = w.counts()
        arrived = sum(j.job.ready_at < w.env.now for j in w.jobs)
        assert arrived <= wms.ready + wms.running + wms.done <= arrived + 1
        assert batch.pending + batch.running + len(w.ended) + w.removed == sent
        assert batch.running <= 5
        assert wms.running <= batch.running
        assert len(w.idle) <= batch.running


def test_ce_models_as_users_write_them():
    assert parse_ce("slow") == CES["slow"]
    assert parse_ce("slow,slots=20,failing=0.5") == replace(CES["slow"], slots=20, failing=0.5)
    outages = CEModel(outages=(Period(1, 2),))
    assert parse_ce("fast", outages).outages == outages.outages
    for text, complaint in (
        ("fat", "no CE model 'fat'"),
        ("size=3", "has no 'size'"),
        ("slots=-1", "cannot be"),
    ):
        with pytest.raises(ValueError, match=complaint):
            parse_ce(text)
