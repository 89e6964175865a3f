"""A new site gets pilots as its pilots start."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs, RecentPilots
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.sched.ramp import Ramp


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


class TestRamp:
    def grow(self, make, per_cycle, cycles, **texts):
        """Let every pilot that was sent start at once and keep running."""
        running, sent = 0, []
        for _ in range(cycles):
            history = RecentPilots(submitted_total=running, started=running)
            step = make(Ramp, **texts).calc(per_cycle, pilots(0, running, history=history))
            sent.append(step.n_out)
            running += step.n_out
        return sent

    def test_a_new_site_doubles(self, make):
        assert self.grow(make, 100, 6) == [1, 2, 4, 8, 16, 32]

    def test_never_more_than_asked_for(self, make):
        assert self.grow(make, 3, 4) == [1, 2, 3, 3]

    def test_waits_for_the_first_pilot_to_start(self, make):
        assert make(Ramp).calc(50, pilots(1, 0, history=RecentPilots(submitted=1))).n_out == 0

    def test_a_black_hole_gets_one_pilot_at_a_time(self, make):
        eats = RecentPilots(submitted_total=99, started=30, finished=30, failed=30, lifetime=5)
        assert make(Ramp).calc(50, pilots(0, 0, history=eats)).n_out == 1
        assert make(Ramp).calc(50, pilots(0, 3, history=eats)).n_out == 0

    def test_pilots_that_ended_well_count_for_as_many_as_they_kept_running(self, make):
        well = RecentPilots(started=60, finished=60, lifetime=600)
        assert make(Ramp).calc(50, pilots(0, 0, history=well)).n_out == 1 + 2 * 10
