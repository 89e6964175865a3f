"""Ready work and pending pilots, each with a weight."""

from __future__ import annotations

import pytest

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.sched.weightedactivated import WeightedActivated


def pilots(pending=0, running=0, **more):
    return CycleInputs("Q", batch=BatchQueueInfo(pending=pending, running=running), **more)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({}, 73),
        ({"sched.weightedactivated.activated": 0.5}, 31),  # int(41.5) - 10
        ({"sched.weightedactivated.pending": 2.55}, 58),  # 83 - int(25.5)
        ({"sched.weightedactivated.activated": 0.1}, 0),
    ],
)
def test_weighted_activated(make, texts, expected):
    known = pilots(10, 17, wms=WMSQueueInfo(ready=83))
    assert make(WeightedActivated, **texts).calc(5, known).n_out == expected
