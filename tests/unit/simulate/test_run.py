"""Simulations with real chains: what the queue sees, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from autopyfactory.model.decision import Step
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.models import CEModel, Job, Period, Timing, Workload
from autopyfactory.simulate.run import START, Simulation, run
from autopyfactory.simulate.workloads import WORKLOADS

EXACT = CEModel(
    handover=0, latency=100, latency_sigma=0, boot=50, boot_sigma=0, idle=300, failing=0, lag=0, removal=10,
    removal_sigma=0, load=0, starts_per_minute=0,
)  # fmt: skip
ONE = Workload("one", "", (Job(0, 1000),), (EXACT,))
TWO = Workload("two", "", (Job(0, 1000), Job(3000, 1000)), (EXACT,))


class Spy:
    """A rule that says given numbers, then 0, and notes what it is told."""

    name = "Spy"
    needs = frozenset({"history"})

    def __init__(self, *says):
        self.says = list(says)
        self.seen = []

    def calc(self, n, inputs):
        self.seen.append(inputs)
        return Step(self.name, n, self.says.pop(0) if self.says else 0, "", spares_running=True)


@pytest.fixture(scope="module")
def seen():
    spy = Spy(1)
    run([spy], TWO)
    return spy.seen


def test_a_pilot_that_is_not_visible_yet_counts_as_pending():
    spy = Spy(3)
    workload = replace(ONE, timing=Timing(cycle=10, poll=100))
    run([spy], workload)
    first, second = spy.seen[:2]
    assert (first.batch.pending, second.batch.pending, second.batch.unseen) == (0, 3, 3)


def test_it_sees_what_was_some_time_ago(seen):
    shown = [(i.wms.ready, i.wms.running, i.batch.pending, i.batch.running) for i in seen[:5]]
    assert shown[0] == (1, 0, 0, 0)
    assert shown[1][2:] == (1, 0)
    assert shown[4][:2] == (0, 1)  # 247 s; it took the job at 157 s


def test_a_pilot_that_just_started_is_told_of(seen):
    assert [i.starting for i in seen[:6]] == [0, 0, 1, 0, 0, 0]  # it runs at 127 s, and takes a job at 157


def test_earlier_cycles_are_remembered_newest_first(seen):
    ago = [p.ago for p in seen[3].past]
    assert ago == [60, 120, 180]
    assert [p.pending for p in seen[3].past][-1] == 0


def test_history_tells_what_became_of_pilots(seen):
    first, last = seen[3].history, seen[30].history
    assert (first.submitted_total, first.started, first.finished) == (1, 1, 0)
    assert first.start_latency == 100
    assert (last.finished, last.empty, last.failed, last.lifetime) == (1, 0, 0, 1350)
    assert last.ended[0].wall == 1350


def test_the_result_adds_up():
    result = run([Spy(1)], ONE)
    assert result.mean_wait == result.max_wait == 157  # the first cycle is at 7 s
    assert (result.pilots, result.started, result.removed, result.empty_pilots) == (1, 1, 0, 0)
    assert result.busy_hours == pytest.approx(1000 / 3600)
    assert result.idle_hours == pytest.approx(350 / 3600)
    assert (result.empty_hours, result.operations, result.killed) == (0, 1, 0)
    assert max(s.running for s in result.samples) == 1


def test_empty_pilots_are_counted_in_hours():
    result = run([Spy(5)], ONE)
    assert (result.pilots, result.empty_pilots) == (5, 4)
    assert result.empty_hours == pytest.approx(4 * 350 / 3600)


def test_payloads_side_by_side_share_the_hours_of_their_pilot():
    workload = Workload("w", "", (Job(0, 1000),), (replace(EXACT, payloads=4),))
    result = run([Spy(1)], workload)
    assert result.busy_hours == pytest.approx(250 / 3600)
    assert result.idle_hours == pytest.approx((1350 - 250) / 3600)


def test_taking_back_needs_two_answers_and_costs_an_operation_each():
    result = run([Spy(9, -4, -6, -2)], Workload("w", "", (Job(3000, 10),), (replace(EXACT, latency=900),)))
    assert result.removed == 4 + 2  # the second cycle waits for the third, which agrees on 4; then 2
    assert result.operations == 9 + 6


def test_other_systems_take_back_at_once():
    rule = Spy(9, -4)
    rule.acts_at_once = True
    result = run([rule], Workload("w", "", (Job(3000, 10),), (replace(EXACT, latency=900),)))
    assert result.removed == 4


def test_a_chain_that_sends_nothing_ends_and_shows_the_waiting():
    result = run(from_texts({"schedplugin": "Null"}).chain, ONE)
    assert (result.done, result.pilots) == (0, 0)
    assert result.mean_wait >= 86400


def test_jobs_that_fit_nowhere_do_not_keep_it_going():
    jobs = (Job(0, 10), Job(0, 10, fits=False))
    result = run(from_texts({"schedplugin": "Ready"}).chain, Workload("w", "", jobs, (EXACT,)))
    assert (result.jobs, result.done) == (1, 1)
    assert result.hours < 3


def test_queues_share_one_demand():
    jobs = tuple(Job(0, 3000) for _ in range(90))
    workload = Workload("w", "", jobs, (EXACT, EXACT, EXACT))
    chain = from_texts({"schedplugin": "Ready,Share", "sched.share.by": "weight"}).chain
    simulation = Simulation([chain], workload)
    simulation.run()
    sites = simulation.world.sites
    assert [sum(p.sent < 120 for p in s.pilots) for s in sites] == [30, 30, 30]
    assert sum(len(s.pilots) for s in sites) < 100


def test_equal_seeds_give_equal_results():
    chain = from_texts({"schedplugin": "Ready"}).chain
    one, two = (run(chain, WORKLOADS["burst"](Random(7)), seed=7) for _ in range(2))
    assert one == two
    assert run(chain, WORKLOADS["burst"](Random(7)), seed=8) != one


class Follower:
    """Wants a number that depends on all it is told: what it knew too early would show in what it sends."""

    name = "Follower"
    needs = frozenset({"history"})

    def __init__(self):
        self.told = []

    def calc(self, n, inputs):
        told = replace(inputs, cached=None), inputs.cached.ready, inputs.cached.running
        self.told.append((inputs.now, repr(told)))
        want = inputs.wms.ready - inputs.batch.pending if inputs.batch.pending < 30 else -3
        return Step(self.name, n, max(-5, min(20, want)), "")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nobody_knows_what_has_not_happened_yet(seed):
    """Two worlds that are alike up to a moment are seen alike up to it."""
    rng = Random(seed)
    early = [Job(t, rng.uniform(60, 900)) for t in sorted(rng.uniform(0, 3600) for _ in range(40))]
    ce = CEModel(slots=15, others=0.2, others_swing=0.4, failing=0.1, lag=90)
    seen = []
    for more in (0, 200):
        late = [Job(3600.0 + i, 500.0) for i in range(more)]
        rule = Follower()
        run([rule], Workload("w", "", (*early, *late), (ce,)), seed=seed)
        seen.append([what for now, what in rule.told if (now - START).total_seconds() <= 3600])
    assert len(seen[0]) == 60
    assert seen[0] == seen[1]


@pytest.mark.parametrize("poll", [10.0, 30.0, 90.0, 400.0])
def test_no_answer_is_older_than_is_said(poll):
    timing = Timing(cycle=60.0, poll=poll, wms=45.0)
    simulation = Simulation([[Spy(2)]], Workload("w", "", (Job(7000, 10),), (EXACT,), timing))
    ages, real = [], simulation.inputs

    def inputs(index):
        now = simulation.world.agenda.now
        ages.append((now - simulation.queues[index].polled, now - simulation._wms.at))
        return real(index)

    simulation.inputs = inputs
    simulation.run()
    assert len(ages) > 100
    assert max(age for age, _ in ages) <= poll
    assert max(age for _, age in ages) <= 45.0
    assert len({round(age) for age, _ in ages}) > 3, "nor always as old"


def test_waits_count_until_the_job_ran_was_cancelled_or_all_was_over():
    jobs = (Job(0, 100), Job(10, 100, cancelled_at=60.0), Job(20, 100), Job(30, 100, fits=False))
    result = run([Spy(1)], Workload("w", "", jobs, (replace(EXACT, idle=1),)))
    waits = [157.0, 50.0, 237.0]  # the pilot takes the first at 157 s and the third when that is done
    assert (result.jobs, result.done) == (3, 2)
    assert result.mean_wait == pytest.approx(sum(waits) / 3)
    assert result.max_wait == pytest.approx(237.0)


@pytest.mark.parametrize("seed", range(4))
def test_totals_are_those_of_the_pilots(seed):
    ce = CEModel(slots=8, payloads=3, failing=0.2, outages=(Period(1500, 2000),), lag=30, idle=120)
    rng = Random(seed)
    jobs = tuple(Job(t, rng.uniform(30, 900)) for t in sorted(rng.uniform(0, 4000) for _ in range(60)))
    chain = from_texts({"schedplugin": "Ready,MaxPending", "sched.maxpending.maximum": "10"}).chain
    simulation = Simulation([chain], Workload("w", "", jobs, (ce, ce)), seed=seed)
    r = simulation.run()
    pilots = [p for s in simulation.world.sites for p in s.pilots]
    assert (r.jobs, r.done) == (60, 60)
    assert (r.pilots, r.started) == (len(pilots), sum(p.started is not None for p in pilots))
    assert r.operations == sum(p.stage > 0 for p in pilots) and r.removed == 0
    assert r.empty_hours <= r.idle_hours
    walls = sum(p.wall for p in pilots)
    assert r.busy_hours + r.idle_hours == pytest.approx(walls / 3600)
    assert r.busy_hours >= sum(j.duration for j in jobs) / 3 / 3600 - 1e-9, "each job ran once at least"
    assert 0 <= r.mean_wait <= r.max_wait and r.p95_wait <= r.max_wait
    assert max(s.running for s in r.samples) <= 16
