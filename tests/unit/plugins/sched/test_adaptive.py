"""Adaptive, case by case: what it sees in the counts and what it does about it."""

from __future__ import annotations

import pytest

from autopyfactory.model.decision import CycleInputs, PastCycle, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.sched import forecast
from autopyfactory.plugins.sched.adaptive import Adaptive
from autopyfactory.plugins.sched.share import Share

PLAIN = {"sched.adaptive.trend": 0, "sched.adaptive.reserve": 0}


def known(ready=0, jobs=0, pending=0, running=0, past=(), cycle=60.0, share=1.0, **history):
    """Counts now and, newest first, of earlier cycles: (ready, jobs running, pending, running)."""
    return CycleInputs(
        "Q",
        wms=WMSQueueInfo(ready=ready, running=jobs),
        batch=BatchQueueInfo(pending=pending, running=running),
        history=RecentPilots(**history),
        past=tuple(PastCycle(cycle * (i + 1), *counts) for i, counts in enumerate(past)),
        share=share,
        share_upper=share,
    )


def test_pilots_that_boot_or_wait_take_jobs_too(make):
    step = make(Adaptive, **PLAIN).calc(0, known(ready=20, jobs=100, pending=5, running=108))
    assert step.n_out == 20 - 8 - 5
    assert step.reason == "20 ready, 8 pilots without payload, trend +0: 12 pending wanted, 5 are: 7 to send"
    assert step.message == "Adaptive:in=0,activated=20,trend=0.0,pending=5,target=12,ret=7"


def test_other_queues_run_jobs_of_a_shared_wms_queue(make):
    # of 100 running jobs half are ours, and our 60 pilots have 10 without payload
    chain = [make(Adaptive, **PLAIN), make(Share)]
    decision = decide(chain, known(ready=40, jobs=100, running=60, share=0.5))
    assert decision.n == 40 // 2 - 10


class TestWithdrawal:
    def test_pending_pilots_without_work_are_taken_back(self, make):
        rule = make(Adaptive, **PLAIN)
        assert rule.calc(0, known(2, 100, 10, 100, [(2, 100, 10, 100)])).n_out == -8

    def test_one_answer_is_not_enough(self, make):
        rule = make(Adaptive, **PLAIN)
        assert rule.calc(0, known(0, 100, 10, 100)).n_out == 0
        assert rule.calc(0, known(0, 100, 10, 100, [(10, 100, 10, 100)])).n_out == 0
        assert rule.calc(0, known(0, 100, 10, 100, [(7, 100, 10, 100)])).n_out == -3

    def test_patience(self, make):
        rule = make(Adaptive, **PLAIN, **{"sched.adaptive.patience": 180})
        surplus, none = (0, 100, 10, 100), (10, 100, 10, 100)
        assert rule.calc(0, known(0, 100, 10, 100, [surplus, surplus, none])).n_out == 0
        assert rule.calc(0, known(0, 100, 10, 100, [surplus, surplus, surplus, none])).n_out == -10

    def test_running_pilots_are_never_touched(self, make):
        past = [(0, 0, 0, 50)]
        assert make(Adaptive, **PLAIN).calc(0, known(0, 0, 0, 50, past)).n_out == 0
        assert make(Adaptive, **PLAIN).calc(0, known(0, 0, 3, 50, [(0, 0, 3, 50)])).n_out == -3

    def test_can_be_switched_off_and_then_nothing_is_sent_in_reserve(self, make):
        rule = make(Adaptive, **{"sched.adaptive.withdraw": False})
        assert rule.calc(0, known(2, 100, 10, 100, [(2, 100, 10, 100)])).n_out == 0
        assert rule.calc(0, known(20, 100, 0, 100, started=50, start_latency=600.0)).n_out == 20


class TestTrend:
    def grown(self, per_cycle, cycles=30):
        """Work that grew steadily to 100 running jobs, all of them with a pilot."""
        return [(0, 100 - per_cycle * (i + 1), 0, 100 - per_cycle * (i + 1)) for i in range(cycles)]

    def test_growing_work_gets_pilots_ahead(self, make):
        rule = make(Adaptive, **{"sched.adaptive.reserve": 0})
        i = known(0, 100, 0, 100, self.grown(1), start_latency=510.0)
        # one job a minute, half of it believed, for 510 s to the start and 90 s to boot
        assert rule.calc(0, i).n_out == 5

    def test_shrinking_work_gets_fewer(self, make):
        past = [(20 + 2 * (i + 1), 100, 0, 100) for i in range(30)]
        rule = make(Adaptive, **{"sched.adaptive.reserve": 0})
        assert rule.calc(0, known(20, 100, 0, 100, past, start_latency=510.0)).n_out == 10

    def test_a_burst_is_not_a_trend(self):
        past = [(0, 100, 0, 100)] * 30
        assert forecast.trend(known(500, 100, 0, 100, past), 1800) == 0
        earlier = [(500, 100, 0, 100)] * 12 + past
        assert forecast.trend(known(500, 100, 0, 100, earlier), 1800) == 0

    def test_work_that_piles_up_where_nothing_runs_is_not_a_trend(self):
        past = [(200 - 3 * i, 0, 50, 0) for i in range(1, 31)]
        assert forecast.trend(known(200, 0, 50, 0, past), 1800) == 0

    def test_too_few_cycles_show_no_trend(self):
        assert forecast.trend(known(50, 0, 0, 0, [(0, 0, 0, 0)] * 2), 1800) == 0


class TestReserve:
    def test_is_sent_where_pilots_start_slowly(self, make):
        rule = make(Adaptive, **{"sched.adaptive.trend": 0, "sched.adaptive.reserve": 0.5})
        slow = known(100, 0, 0, 0, started=9, start_latency=600.0)
        assert rule.calc(0, slow).n_out == 100 + 54  # 0.5 x (1 - 60/600) x (100 + 2 sqrt 100)

    def test_is_not_sent_where_they_start_at_once_or_fail_or_none_has_started(self, make):
        rule = make(Adaptive, **{"sched.adaptive.trend": 0})
        assert rule.calc(0, known(100, started=9, start_latency=40.0)).n_out == 100
        failing = known(100, started=9, start_latency=600.0, finished=9, failed=9)
        assert rule.calc(0, failing).n_out == 100
        assert rule.calc(0, known(100)).n_out == 100

    def test_is_not_sent_where_a_cycle_is_longer_than_the_latency(self, make):
        past = [(100, 0, 0, 0)]
        rule = make(Adaptive, **{"sched.adaptive.trend": 0})
        assert rule.calc(0, known(100, past=past, cycle=360.0, started=9, start_latency=240.0)).n_out == 100

    def test_is_not_sent_where_nothing_starts(self, make):
        past = [(100, 50, 100, 50)] * 40
        rule = make(Adaptive)
        i = known(100, 50, 100, 50, past, started=9, start_latency=600.0)
        assert forecast.stalled(i, 1200)
        assert rule.calc(0, i).n_out == 0


class TestMismatch:
    idle = (30, 100, 0, 120)  # 20 pilots wait beside 30 jobs

    def test_pilots_that_do_not_fit_do_not_count_as_room(self, make):
        rule = make(Adaptive, **PLAIN)
        assert rule.calc(0, known(30, 100, 0, 120, [self.idle] * 5)).n_out == 10
        step = rule.calc(0, known(30, 100, 0, 120, [self.idle] * 12))
        assert step.n_out == 30
        assert "20 do not fit" in step.reason

    def test_where_jobs_start_it_takes_longer_to_believe(self, make):
        moving = [(30, 100 - i % 2, 0, 120) for i in range(40)]
        rule = make(Adaptive, **PLAIN)
        assert rule.calc(0, known(30, 100, 0, 120, moving[:15])).n_out == 10
        assert rule.calc(0, known(30, 100, 0, 120, moving)).n_out == 30

    def test_empty_pilots_slow_it_down_to_probes(self, make):
        rule = make(Adaptive, **PLAIN)
        wasted = {"finished": 40, "empty": 40}
        assert rule.calc(0, known(30, 100, 0, 120, [self.idle] * 12, **wasted)).n_out == 1

    def test_a_wms_that_does_not_count_running_jobs_does_not_starve(self, make):
        rule = make(Adaptive, **PLAIN)
        past = [(30, 0, 0, 120)] * 12
        assert rule.calc(0, known(30, 0, 0, 120, past)).n_out == 30


@pytest.mark.parametrize("lacking", ["wms", "batch", "history"])
def test_missing_information_sends_nothing(make, lacking):
    i = known(ready=100)
    fields = {f: getattr(i, f) for f in i.__dataclass_fields__} | {lacking: None}
    assert decide([make(Adaptive)], CycleInputs(**fields)).n == 0
