"""Demand that jumps makes a queue grow by steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.sched.maxgrowth import MaxGrowth
from schedkit import build


def test_by_a_part_of_what_is_there() -> None:
    inputs = CycleInputs("q", batch=BatchQueueInfo(pending=10, running=30))
    assert build(MaxGrowth).calc(1000, inputs).n_out == 10 + 20
    assert build(MaxGrowth).calc(7, inputs).n_out == 7
    assert build(MaxGrowth).calc(-3, inputs).n_out == -3
    assert build(MaxGrowth, **{"sched.maxgrowth.factor": 0}).calc(1000, inputs).n_out == 10


@given(st.lists(st.integers(0, 10**9), max_size=20))
def test_whatever_the_wms_says_the_growth_is_bounded(demand: list[int]) -> None:
    rule, there = build(MaxGrowth), 0
    for cycle, ready in enumerate(demand, 1):
        inputs = CycleInputs("q", batch=BatchQueueInfo(running=there))
        there += rule.calc(max(0, ready - there), inputs).n_out
        assert there <= 20 * 1.5**cycle
