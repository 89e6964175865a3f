"""2.4's way to say Ready."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs, decide
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.sched.fillactivated import Fillactivated


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


def test_fillactivated_sends_nothing_for_want_of_information(make):
    known = pilots(10, 17, wms=WMSQueueInfo(ready=83))
    rule = make(Fillactivated, **{"sched.fillactivated.default": 7})
    assert decide([rule], known).n == 73
    assert decide([rule], pilots(10, 17)).n == 0
