"""Simulations with real chains: what the queue sees, what comes of it, and the reference policies."""

from __future__ import annotations

from random import Random

import pytest

from autopyfactory.model.decision import PastCycle, Step
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.simulate import compare
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.models import CEModel, Job, Workload
from autopyfactory.simulate.reference import GlideinWMS, Harvester
from autopyfactory.simulate.run import PoolInputs, Simulation, run
from autopyfactory.simulate.workloads import WORKLOADS

EXACT = CEModel(latency=100, latency_sigma=0, boot=50, boot_sigma=0, idle=300, failing=0)
ONE = Workload("one", "", (Job(0, 1000),), EXACT)


class Spy:
    """A rule that sends one pilot in the first cycle and notes what it is told."""

    name = "Spy"
    needs = frozenset()

    def __init__(self):
        self.seen = []

    def calc(self, n, inputs):
        self.seen.append(inputs)
        return Step(self.name, n, 1 if len(self.seen) == 1 else 0, "")


@pytest.fixture(scope="module")
def seen():
    spy = Spy()
    result = run([spy], ONE)
    assert result.done == 1
    return spy.seen


def test_a_pilot_that_is_not_visible_yet_counts_as_pending(seen):
    assert [(i.batch.pending, i.batch.unseen, i.batch.running) for i in seen[:4]] == [
        (0, 0, 0),
        (1, 0, 0),
        (1, 0, 0),  # it started at 100 s; the answer is from 90 s
        (0, 0, 1),
    ]
    spy = Spy()
    simulation = Simulation([spy], ONE)
    simulation.env.process(simulation._poll())
    simulation.env.run(until=1)
    simulation._cycle()
    assert simulation.inputs().batch == BatchQueueInfo(pending=1, unseen=1)


def test_earlier_cycles_are_remembered_newest_first(seen):
    assert seen[3].past == (
        PastCycle(60.0, 1, 0, 1, 0),
        PastCycle(120.0, 1, 0, 1, 0),
        PastCycle(180.0, 0, 0, 0, 0),
    )


def test_history_tells_what_became_of_pilots(seen):
    first, last = seen[2].history, seen[-1].history
    assert (first.submitted_total, first.started, first.finished) == (1, 1, 0)
    assert first.start_latency == 100
    assert (last.finished, last.empty, last.failed, last.lifetime) == (1, 0, 0, 1350)
    assert last.ended[0].wall == 1350


def test_the_result_adds_up(seen):
    result = run([Spy()], ONE)
    assert result.mean_wait == result.max_wait == 150
    assert (result.pilots, result.started, result.removed, result.empty_pilots) == (1, 1, 0, 0)
    assert result.busy_hours == pytest.approx(1000 / 3600)
    assert result.idle_hours == pytest.approx(350 / 3600)
    assert result.empty_hours == 0
    assert max(s.running for s in result.samples) == 1


def test_empty_pilots_are_counted_in_hours():
    chain = from_texts(
        {"schedplugin": "Fixed,MaxToSubmit", "sched.fixed.pilotspercycle": "5"}
        | {"sched.maxtosubmit.maximum": "5"}
    ).chain
    result = run(chain, ONE)
    assert (result.pilots, result.empty_pilots) == (5, 4)
    assert result.empty_hours == pytest.approx(4 * 350 / 3600)


def test_a_chain_that_sends_nothing_ends_and_shows_the_waiting():
    result = run(from_texts({"schedplugin": "Null"}).chain, ONE)
    assert (result.done, result.pilots) == (0, 0)
    assert result.mean_wait >= 86400


def test_equal_seeds_give_equal_results_and_jobs_do_not_depend_on_the_policy():
    chain = from_texts({"schedplugin": "Ready"}).chain
    one, two = (run(chain, WORKLOADS["burst"](Random(7)), seed=7) for _ in range(2))
    assert one == two
    assert run(chain, WORKLOADS["burst"](Random(7)), seed=8) != one


@pytest.mark.parametrize("name", WORKLOADS)
def test_shipped_workloads_get_done(name):
    workload = WORKLOADS[name](Random(5))
    assert list(workload.jobs) == sorted(workload.jobs, key=lambda j: j.ready_at)
    assert 8 < workload.hours < 13
    result = run(
        from_texts({"schedplugin": "Ready,MaxPending", "sched.maxpending.maximum": "200"}).chain, workload
    )
    assert result.done == result.jobs == len(workload.jobs)


def known(ready, pending=0, running=0, idle=0, old=0, past=()):
    return PoolInputs(
        "Q",
        wms=WMSQueueInfo(ready=ready),
        batch=BatchQueueInfo(pending=pending, running=running),
        idle_slots=idle,
        old_ready=old,
        past=past,
    )


@pytest.mark.parametrize(
    ("policy", "inputs", "expected"),
    [
        (GlideinWMS(), known(90), 30),  # a third of what is needed
        (GlideinWMS(), known(90, idle=30), 20),
        (GlideinWMS(), known(90, pending=12), 18),
        (GlideinWMS(), known(90, old=9), 33),
        (GlideinWMS(), known(90, old=90), 35),  # the reserve is limited
        (GlideinWMS(), known(1), 1),  # never less than one while jobs are idle
        (GlideinWMS(), known(9000), 100),
        (GlideinWMS(), known(9000, idle=101), 50),  # a curb
        (GlideinWMS(attenuation=1, max_running=50), known(90, running=40), 10),
        (GlideinWMS(attenuation=1), known(90, idle=90, running=100), 1),
        (GlideinWMS(), known(0, pending=4, past=(PastCycle(60, 0, 0, 4, 0),) * 14), 0),
        (GlideinWMS(), known(0, pending=4, past=(PastCycle(60, 0, 0, 4, 0),) * 15), -4),
        (Harvester(), known(0), 1),
        (Harvester(min_pilots=0), known(0), 0),
        (Harvester(), known(30, pending=10), 20),
        (Harvester(), known(500), 100),
        (Harvester(max_new=10), known(500), 10),
        (Harvester(factor=0.5), known(31), 15),
        (Harvester(max_workers=60), known(50, pending=5, running=50), 5),
    ],
)
def test_reference_policies(policy, inputs, expected):
    assert policy.calc(0, inputs).n_out == expected


class TestComparison:
    def score(self, wait, empty, family="x"):
        return compare.Score(compare.Policy(family, "", ()), wait, 0, 0, 0, empty, 0)

    def test_is_with_the_least_wasteful_that_waits_no_longer(self):
        mine = self.score(100, 1)
        d = compare.duel("w", mine, [self.score(90, 9), self.score(101, 4), self.score(120, 0.1)])
        assert (d.best.empty_hours, d.matched, d.saved) == (4, True, 0.75)

    def test_is_with_the_fastest_where_none_is_as_fast(self):
        d = compare.duel("w", self.score(50, 1), [self.score(90, 9), self.score(91, 2), self.score(120, 0.1)])
        assert (d.best.empty_hours, d.matched) == (2, False)

    def test_losing_shows(self):
        assert compare.duel("w", self.score(100, 2), [self.score(90, 1)]).saved == -1.0


@pytest.mark.slow
def test_adaptive_wastes_less_than_half_of_what_ready_does_and_its_jobs_wait_no_longer():
    ready = from_texts({"schedplugin": "Ready"}).chain
    ready_hours = adaptive_hours = 0.0
    for name, maker in WORKLOADS.items():
        theirs = compare.score(compare.Policy("Ready", "", ready), maker, (21, 22))
        ours = compare.score(compare.adaptive(), maker, (21, 22))
        assert ours.mean_wait < 1.05 * theirs.mean_wait, name
        assert ours.empty_hours < 1.05 * theirs.empty_hours + 0.2, name
        ready_hours += theirs.empty_hours
        adaptive_hours += ours.empty_hours
    assert adaptive_hours < 0.5 * ready_hours
