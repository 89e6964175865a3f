"""Few pilots while many end early."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs, EndedPilot, RecentPilots
from autopyfactory.plugins.sched.throttle import Throttle


class TestThrottle:
    def ended(self, *pilots):
        return CycleInputs("Q", history=RecentPilots(ended=tuple(EndedPilot(*p) for p in pilots)))

    def test_bites_above_the_ratio_only(self, make):
        short, long = (100, 3), (100, 3000)
        assert make(Throttle).calc(20, self.ended(short, short, long)).n_out == 1
        assert make(Throttle).calc(20, self.ended(short, long)).n_out == 20

    def test_counts_what_started_in_the_interval(self, make):
        old, recent = (4000, 3), (100, 3000)
        assert make(Throttle).calc(20, self.ended(old, old, recent)).n_out == 20
        rule = make(Throttle, **{"sched.throttle.interval": 5000})
        assert rule.calc(20, self.ended(old, old, recent)).n_out == 1

    def test_short_is_shorter_than_maxtime(self, make):
        assert make(Throttle).calc(20, self.ended((100, 10))).n_out == 20
        rule = make(Throttle, **{"sched.throttle.maxtime": 11, "sched.throttle.submit": 4})
        assert rule.calc(20, self.ended((100, 10))).n_out == 4

    def test_never_raises_the_number(self, make):
        assert make(Throttle).calc(0, self.ended((100, 3))).n_out == 0

    def test_no_pilot_ended_or_only_counts_are_known(self, make):
        assert make(Throttle).calc(20, self.ended()).n_out == 20
        counts = CycleInputs("Q", history=RecentPilots(finished=10, short=6))
        step = make(Throttle).calc(20, counts)
        assert step.message == "Throttle:in=20,total=10,short=6,ratio=0.5,submit=1,ret=1"

    def test_pilots_without_work_count_when_asked_for(self, make):
        idle = CycleInputs("Q", history=RecentPilots(finished=10, empty=6))
        assert make(Throttle).calc(20, idle).n_out == 20
        rule = make(Throttle, **{"sched.throttle.empty": 0.5})
        step = rule.calc(20, idle)
        assert (step.n_out, step.facts["empty"]) == (1, 6)
        assert "6 of 10 pilots that ended in the last hour found no work" in step.reason
        assert rule.calc(20, CycleInputs("Q", history=RecentPilots(finished=12, empty=6))).n_out == 20
        assert rule.calc(20, CycleInputs("Q", history=RecentPilots())).n_out == 20
