"""Adaptive, case by case: what it sees in the counts and what it does about it."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from autopyfactory.model.decision import CycleInputs, PastCycle, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.model.shares import nth
from autopyfactory.plugins.sched import forecast
from autopyfactory.plugins.sched.adaptive import Adaptive
from autopyfactory.plugins.sched.share import Share
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.models import ALWAYS, CEModel, Job, Workload
from autopyfactory.simulate.run import Simulation
from autopyfactory.simulate.workloads import FOR_DEVELOPING

PLAIN = {"sched.adaptive.trend": 0, "sched.adaptive.reserve": 0}


def known(ready=0, jobs=0, pending=0, running=0, past=(), cycle=60.0, others=(0, 0), **history):
    """Counts now and, newest first, of earlier cycles: (ready, jobs running, pending, running).

    With no past given, these counts have held for an hour.
    """
    now = (ready, jobs, pending, running)
    return CycleInputs(
        "Q",
        wms=WMSQueueInfo(ready=ready, running=jobs),
        batch=BatchQueueInfo(pending=pending, running=running),
        history=RecentPilots(**history),
        past=tuple(PastCycle(cycle * (i + 1), *c, *others) for i, c in enumerate(past or [now] * 60)),
        others_pending=others[0],
        others_running=others[1],
    )


def told(inputs):
    return forecast.cycles(inputs)


def test_pilots_that_boot_or_wait_take_jobs_too(make):
    i = known(ready=20, jobs=100, pending=5, running=108, past=[(20, 100, 5, 100)] * 5)
    step = make(Adaptive, **PLAIN).calc(0, i)
    assert step.n_out == 20 - 8 - 5
    assert step.reason == "20 ready, 8 places without payload: 12 pending wanted, 5 are: 7 to send"
    assert step.message == "Adaptive:in=0,activated=20,trend=0.0,pending=5,target=12,ret=7"


class TestSharedDemand:
    """Failure mode 1: pilots without payload are those of all queues that share the demand."""

    def test_a_dead_sites_neighbour_is_not_idle(self, make):
        # one of two queues runs all 100 jobs: nobody is idle, and 100 jobs wait
        i = known(ready=100, jobs=100, running=100, past=[(100, 100, 0, 100)] * 5)
        i = replace(i, share=0.5, share_lower=0.5, share_upper=1.0)
        assert make(Adaptive, **PLAIN).calc(0, i).n_out == 50

    def test_idle_pilots_of_the_neighbour_count(self, make):
        i = known(ready=30, jobs=100, running=60, past=[(30, 100, 0, 40)] * 5, others=(0, 60))
        i = replace(i, share_upper=0.5)
        assert make(Adaptive, **PLAIN).calc(0, i).n_out == 5  # 30 - 20, half of it

    def test_the_share_is_not_taken_twice(self, make):
        i = replace(known(ready=100, past=[(100, 0, 0, 0)] * 5), share_upper=0.25)
        assert decide([make(Adaptive, **PLAIN), make(Share)], i).n == 25

    def test_the_share_divides_what_is_taken_back(self, make):
        # none is wanted and 100 are pending, 80 of them here
        now = (0, 1, 80, 2)
        i = replace(known(*now, past=[now], others=(20, 0)), share_upper=0.5)
        rule = make(Adaptive, **PLAIN, **{"sched.adaptive.few": 1000})
        assert rule.calc(0, i).n_out == -80

    def test_pilots_that_the_neighbour_just_started_boot_and_do_not_stand_there(self, make):
        # only the other queue starts pilots, ten a minute; its 20 that boot say nothing of 40 ready jobs
        i = known(40, 100, 0, 0, past=[(40, 100, 0, 0)] * 12, others=(0, 120))
        past = tuple(replace(c, others_running=110 - 10 * k) for k, c in enumerate(i.past))
        assert make(Adaptive, **PLAIN).calc(0, replace(i, past=past)).n_out == 20

    def test_nothing_is_taken_back_where_all_together_have_not_too_many(self, make):
        i = replace(known(ready=60, pending=40, others=(5, 0)), share_upper=0.5)
        assert make(Adaptive, **PLAIN).calc(0, i).n_out == 0

    def test_of_several_factories_each_serves_its_part(self, make):
        i = known(ready=101, past=[(101, 0, 0, 0)] * 5)
        parts = [make(Adaptive, **PLAIN).calc(0, replace(i, factory=nth(k, 2))).n_out for k in (1, 2)]
        assert parts == [50, 51]

    def test_with_a_dead_site_the_live_one_serves_all(self):
        jobs = tuple(Job(60.0 * i, 3000) for i in range(240))
        dead = CEModel(outages=(ALWAYS,))
        chain = from_texts({"schedplugin": "Adaptive,Share"}).chain
        alone = Simulation([chain], Workload("w", "", jobs)).run()
        beside = Simulation([chain], Workload("w", "", jobs, (CEModel(), dead))).run()
        assert beside.done == len(jobs)
        assert beside.mean_wait < 2 * alone.mean_wait  # until it is known which one is dead


class TestUnmatched:
    """Failure mode 2: jobs that stood beside waiting pilots are held back, and probed."""

    idle = (40, 100, 0, 130)  # 30 pilots wait beside 40 jobs

    def test_no_more_go_out_for_them(self, make):
        step = make(Adaptive, **PLAIN).calc(0, known(*self.idle, past=[self.idle] * 12))
        assert step.n_out == 0
        assert "(40 of them fit no pilot that waited)" in step.reason
        gone = known(40, 100, 0, 100, past=[(40, 100, 0, 100)] * 9 + [self.idle] * 12)
        assert make(Adaptive, **PLAIN).calc(0, gone).n_out == 0

    def test_other_jobs_get_pilots(self, make):
        i = known(55, 100, 0, 100, past=[(40, 100, 0, 100)] * 9 + [self.idle] * 12)
        assert make(Adaptive, **PLAIN).calc(0, i).n_out == 15

    def test_later_two_probe_and_then_all_are_tried(self, make):
        for minutes, sent in ((29, 0), (32, 2), (59, 2), (62, 40)):
            past = [(40, 100, 0, 100)] * minutes + [self.idle] * 12
            assert make(Adaptive, **PLAIN).calc(0, known(40, 100, 0, 100, past=past)).n_out == sent

    def test_a_probe_that_stood_holds_them_on(self, make):
        probe = (40, 100, 0, 101)
        past = [(40, 100, 0, 100)] * 25 + [probe] * 4 + [(40, 100, 0, 100)] * 31 + [self.idle] * 12
        assert make(Adaptive, **PLAIN).calc(0, known(40, 100, 0, 100, past=past)).n_out == 0

    def test_pilots_that_boot_do_not_stand_there(self, make):
        starts = tuple(60.0 * minute for minute in range(15) for _ in range(10))
        i = known(40, 100, 0, 130, past=[self.idle] * 12, starts=starts)
        assert make(Adaptive, **PLAIN).calc(0, i).n_out == 10

    def test_jobs_that_left_are_not_held(self, make):
        past = [(5, 100, 0, 100)] * 2 + [self.idle] * 12
        assert make(Adaptive, **PLAIN).calc(0, known(25, 100, 0, 100, past=past)).n_out == 20

    def test_a_wms_that_does_not_count_running_jobs_does_not_starve(self, make):
        assert make(Adaptive, **PLAIN).calc(0, known(30, 0, 0, 120)).n_out == 30

    def test_forty_such_jobs_cost_few_pilots(self):
        hours = 6 * 3600.0
        jobs = (*(Job(0, 600, fits=False, cancelled_at=hours) for _ in range(40)), Job(hours, 60))
        adaptive = Simulation([from_texts({"schedplugin": "Adaptive"}).chain], Workload("w", "", jobs)).run()
        ready = Simulation([from_texts({"schedplugin": "Ready"}).chain], Workload("w", "", jobs)).run()
        assert adaptive.pilots < 120
        assert ready.pilots > 10 * adaptive.pilots


class TestReserveAndFullSites:
    """Failure mode 3: a reserve only where it can be recalled, none at a full site; pending bounded there."""

    def test_a_reserve_where_pilots_start_slowly(self, make):
        rule = make(Adaptive, **{"sched.adaptive.trend": 0})
        i = known(100, past=[(100, 0, 0, 0)] * 5, start_latency=2000.0)
        assert rule.calc(0, i).n_out == 114  # 0.15 x (1 - 200 / 2000)
        assert rule.calc(0, replace(i, history=RecentPilots(start_latency=150.0))).n_out == 100

    def test_none_where_nothing_can_be_taken_back(self, make):
        i = known(100, past=[(100, 0, 0, 0)] * 5, start_latency=2000.0)
        assert make(Adaptive, **{"sched.adaptive.withdraw": False}).calc(0, i).n_out == 100

    def test_none_at_a_full_site_and_no_more_pending_than_start(self, make):
        rule = make(Adaptive)
        full = known(300, 100, 40, 100, start_latency=600.0, starts=(100.0, 200.0, 300.0))
        assert rule.calc(0, full).n_out == 0  # 3 started of 40: 6 may be pending
        assert "the site starts few, 6 may be pending" in rule.calc(0, full).reason
        drained = known(300, 100, 2, 100, [(300, 100, 40, 100)] * 60, start_latency=600.0, starts=(9.0,) * 9)
        assert rule.calc(0, drained).n_out == 16

    def test_a_site_that_starts_what_it_gets_is_not_full(self):
        i = known(300, 100, 40, 100, starts=tuple(float(20 * k) for k in range(60)))
        assert forecast.saturated(told(i), forecast.starts(i, told(i)), 600.0) is None
        none = known(300, 100, 40, 100)
        assert forecast.saturated(told(none), forecast.starts(none, told(none)), 600.0) == 0


class TestTakingBack:
    """Failure mode 4: only pending ones, few per cycle, only those that were too many for a while, and none
    while one that has started unseen may be given a job."""

    def test_a_part_of_all_or_a_few_per_cycle(self, make):
        rule = make(Adaptive, **PLAIN)
        assert rule.calc(0, known(0, 20, 10, 22)).n_out == -5
        assert rule.calc(0, known(0, 400, 40, 402)).n_out == -22
        assert rule.calc(0, known(0, 20, 3, 22)).n_out == -3

    @pytest.mark.parametrize(
        ("ready", "jobs", "running", "n"),
        [
            (4, 20, 22, 0),  # two pilots boot or wait, four jobs are ready: others will take two of them
            (2, 20, 22, 0),  # as many as jobs: the next job that comes is for one that is not seen yet
            (1, 20, 22, -5),
            (0, 20, 20, 0),  # none waits
            (0, 20, 21, -5),
            (1, 0, 0, 0),
            (0, 0, 0, -5),  # no job at all
        ],
    )
    def test_none_while_a_pilot_that_started_unseen_may_find_a_job(self, make, ready, jobs, running, n):
        now = (ready, jobs, 10, running)
        step = make(Adaptive, **PLAIN).calc(0, known(*now, past=[now]))
        assert step.n_out == n
        assert ("one that has just started may find a job" in step.reason) == (n == 0)

    @pytest.mark.parametrize(("jobs", "n"), [(80, -5), (81, 0)])
    def test_a_pilot_of_eight_places_needs_eight_that_are_free(self, make, jobs, n):
        """One that started unseen takes eight jobs, and is lost with all of them."""
        now = (0, jobs, 10, 11)
        step = make(Adaptive, **PLAIN, **{"sched.adaptive.payloads": 8}).calc(0, known(*now, past=[now]))
        assert step.n_out == n

    def test_none_from_a_site_that_starts_nothing(self, make):
        dead = known(0, 40, 10, 0, others=(0, 50))
        step = make(Adaptive, **PLAIN).calc(0, dead)
        assert step.n_out == 0
        assert "the site starts none, so they stay for what comes" in step.reason
        assert make(Adaptive, **PLAIN).calc(0, replace(dead, past=dead.past[:3])).n_out == -5  # not known yet

    def test_few_payloads_are_killed(self):
        """Groups of short jobs, the hardest case found: six where ready jobs are no reason to wait."""
        chain = from_texts({"schedplugin": "Adaptive"}).chain
        runs = [Simulation([chain], FOR_DEVELOPING["users"](Random(s)), seed=s).run() for s in (1, 3, 5)]
        assert sum(r.removed for r in runs) > 200
        assert sum(r.killed for r in runs) <= 2

    def test_patience(self, make):
        rule = make(Adaptive, **PLAIN, **{"sched.adaptive.patience": 0.5})  # 150 s of 300
        surplus, none = (0, 100, 10, 102), (12, 100, 10, 102)
        assert rule.calc(0, known(*surplus, past=[surplus, none])).n_out == 0
        assert rule.calc(0, known(*surplus, past=[surplus, surplus, none])).n_out == -5

    def test_running_pilots_are_never_touched(self, make):
        step = make(Adaptive, **PLAIN).calc(0, known(0, 0, 0, 100))
        assert step.n_out == 0
        assert step.spares_running

    def test_can_be_switched_off(self, make):
        rule = make(Adaptive, **PLAIN, **{"sched.adaptive.withdraw": False})
        assert rule.calc(0, known(pending=9)).n_out == 0


class TestPayloads:
    """Failure mode 5: a pilot of 8 serves 8 jobs."""

    def test_eighty_jobs_are_ten_pilots(self, make):
        rule = make(Adaptive, **PLAIN, **{"sched.adaptive.payloads": 8})
        assert rule.calc(0, known(80, past=[(80, 0, 0, 0)] * 5)).n_out == 10
        assert rule.calc(0, known(80, past=[(80, 0, 4, 0)] * 5, pending=4)).n_out == 6
        assert rule.calc(0, known(81, past=[(81, 0, 0, 0)] * 5)).n_out == 11

    def test_empty_places_of_running_pilots_count(self, make):
        rule = make(Adaptive, **PLAIN, **{"sched.adaptive.payloads": 8})
        assert rule.calc(0, known(80, 100, 0, 15, past=[(80, 100, 0, 12)] * 5)).n_out == 8  # 80 - 20, by 8


class TestDegrading:
    """Failure mode 6: without history it goes on, and at first with half steps."""

    def test_without_history_it_is_ready_minus_unused_pilots(self, make):
        i = replace(known(50, 100, 5, 110, past=[(50, 100, 5, 100)] * 5), history=None)
        assert make(Adaptive).calc(0, i).n_out == 50 - 10 - 5

    def test_the_first_cycles_send_half(self, make):
        rule = make(Adaptive, **PLAIN)
        i = replace(known(101), past=())
        assert rule.calc(0, i).n_out == 51
        assert "just begun" in rule.calc(0, i).reason
        assert rule.calc(0, known(101, past=[(101, 0, 0, 0)] * 2)).n_out == 101

    @pytest.mark.parametrize("lacking", ["wms", "batch"])
    def test_without_counts_it_sends_nothing(self, make, lacking):
        assert decide([make(Adaptive)], replace(known(100), **{lacking: None})).n == 0


class TestTrend:
    def test_growing_work_gets_its_pilots_ahead(self, make):
        growing = [(0, 100 - i, 0, 100 - i) for i in range(1, 40)]
        rule = make(Adaptive, **{"sched.adaptive.reserve": 0})
        # half of one a minute, for the 600 s until they work
        assert rule.calc(0, known(0, 100, 0, 100, growing, start_latency=510.0)).n_out == 5
        off = make(Adaptive, **PLAIN)
        assert off.calc(0, known(0, 100, 0, 100, growing, start_latency=510.0)).n_out == 0

    def test_a_burst_is_not_a_trend(self):
        burst = known(100, 50, 0, 50, [(0, 50, 0, 50)] * 40)
        assert forecast.trend(told(burst), 1800) == 0

    def test_work_that_piles_up_where_nothing_runs_is_not_a_trend(self):
        past = [(200 - 5 * i, 0, 50, 0) for i in range(1, 40)]
        assert forecast.trend(told(known(200, 0, 50, 0, past)), 1800) == 0

    def test_too_few_cycles_show_no_trend(self):
        assert forecast.trend(told(known(50, 0, 0, 0, [(0, 0, 0, 0)] * 2)), 1800) == 0


def test_the_starts_of_a_queue_without_history_are_what_its_running_pilots_grew():
    i = replace(known(0, 0, 0, 9, past=[(0, 0, 0, 5), (0, 0, 0, 7), (0, 0, 0, 2)]), history=None)
    assert forecast.starts(i, told(i)).between(0, 60) == 4
    assert forecast.starts(i, told(i)).between(0, 120) == 9
