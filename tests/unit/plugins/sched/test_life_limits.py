"""KeepNQueueLife, MaxToSubmit and MinToSubmit: what a queue sends in its whole life."""

from __future__ import annotations

import pytest

from autopyfactory.model.decision import CycleInputs, RecentPilots, decide
from autopyfactory.plugins.sched.keepnqueuelife import KeepNQueueLife
from autopyfactory.plugins.sched.maxtosubmit import MaxToSubmit
from autopyfactory.plugins.sched.mintosubmit import MinToSubmit


def ever(n):
    return CycleInputs("Q", history=RecentPilots(submitted_total=n))


@pytest.mark.parametrize(
    ("cls", "texts", "n", "sent", "expected"),
    [
        (KeepNQueueLife, {"sched.keepnqueuelife.njobs": 10}, 3, 4, 6),
        (KeepNQueueLife, {}, 7, 4, 3),
        (KeepNQueueLife, {"sched.keepnqueuelife.njobs": 10}, 3, 14, 0),
        (MaxToSubmit, {"sched.maxtosubmit.maximum": 10}, 9, 4, 6),
        (MaxToSubmit, {"sched.maxtosubmit.maximum": 10}, 9, 14, 0),
        (MaxToSubmit, {"sched.maxtosubmit.maximum": 10}, -2, 14, -2),
        (MaxToSubmit, {}, 9, 14, 9),
        (MinToSubmit, {"sched.mintosubmit.minimum": 10}, 2, 4, 6),
        (MinToSubmit, {"sched.mintosubmit.minimum": 10}, 2, 14, 2),
        (MinToSubmit, {}, 2, 0, 2),
    ],
)
def test_limits_over_the_life_of_a_queue(make, cls, texts, n, sent, expected):
    assert make(cls, **texts).calc(n, ever(sent)).n_out == expected
    assert decide([make(cls, **texts)], CycleInputs("Q")).n == 0
