"""A limit in cores."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.sched.maxcores import MaxCores


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


def test_all_pilots_and_pending_ones(make):
    rule = make(MaxCores, **{"sched.maxcores.maximum": 100, "sched.maxcores.pending": 40})
    assert rule.calc(50, pilots(0, 0, cores=8)).n_out == 5
    assert rule.calc(50, pilots(1, 10, cores=8)).n_out == 1
    assert rule.calc(50, pilots(5, 10, cores=8)).n_out == 0
    assert rule.calc(-4, pilots(5, 10, cores=8)).n_out == -4
    assert make(MaxCores).calc(50, pilots(0, 0, cores=8)).n_out == 50
