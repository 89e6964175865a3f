"""A limit for all queues of a CE."""

from __future__ import annotations

from autopyfactory.model.decision import Cap, CycleInputs, decide
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.sched.maxperce import MaxPerCE
from autopyfactory.plugins.sched.minpercycle import MinPerCycle


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


def test_the_limit_per_ce(make):
    rule = make(MaxPerCE, **{"sched.maxperce.maximum": 10})
    assert rule.calc(50, pilots(scope_active={"ce": 7})).n_out == 3
    assert rule.calc(50, pilots(scope_active={"ce": 17})).n_out == 0
    assert rule.caps() == (Cap("ce", 10, "MaxPerCE"),)
    assert decide([rule, make(MinPerCycle, **{"sched.minpercycle.minimum": 1})], pilots()).n == 0
    assert make(MaxPerCE).calc(50, pilots()).n_out == 50
    assert make(MaxPerCE).caps() == ()


def test_of_several_ces_each_has_its_limit(make):
    rule = make(MaxPerCE, **{"sched.maxperce.maximum": 10})
    step = rule.calc(50, pilots(scope_active={"ce:a": 7, "ce:b": 40, "ce:c": 0}))
    assert step.n_out == 13
    assert step.reason == "47 pilots at 3 CEs, at most 10 at each: 50 cut to 13"
