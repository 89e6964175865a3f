"""A limit in memory."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs, decide
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.sched.fixed import Fixed
from autopyfactory.plugins.sched.maxmemory import MaxMemory
from autopyfactory.plugins.sched.minpercycle import MinPerCycle


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


def test_the_limit(make):
    rule = make(MaxMemory, **{"sched.maxmemory.maximum": 64000})
    assert rule.calc(50, pilots(2, 1, memory_mb=16000)).n_out == 1
    assert make(MaxMemory).calc(50, pilots(2, 1)).n_out == 50


def test_a_limit_in_memory_is_useless_without_the_memory_of_a_pilot(make):
    chain = [
        make(Fixed, **{"sched.fixed.pilotspercycle": 5}),
        make(MaxMemory, **{"sched.maxmemory.maximum": 64000}),
        make(MinPerCycle, **{"sched.minpercycle.minimum": 1}),
    ]
    decision = decide(chain, pilots(0, 0))
    assert decision.n == 0
    assert "pilot.memory" in decision.steps[-1].reason
