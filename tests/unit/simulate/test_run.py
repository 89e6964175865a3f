"""Simulations with real chains: what the queue sees, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from autopyfactory.model.decision import Step
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.models import CEModel, Job, Timing, Workload
from autopyfactory.simulate.run import Simulation, run
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
