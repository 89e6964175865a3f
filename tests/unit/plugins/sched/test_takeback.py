"""Which pilots a negative number means: the step that decided says whether running ones are spared."""

from __future__ import annotations

import pytest

from autopyfactory.model.decision import CycleInputs, PastCycle, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.plugins.sched.adaptive import Adaptive
from autopyfactory.plugins.sched.fixed import Fixed
from autopyfactory.plugins.sched.keepnrunning import KeepNRunning
from autopyfactory.plugins.sched.maxpending import MaxPending
from autopyfactory.plugins.sched.maxpercycle import MaxPerCycle
from autopyfactory.plugins.sched.maxtorun import MaxToRun

KNOWN = CycleInputs(
    "Q",
    wms=WMSQueueInfo(ready=2, running=97),
    batch=BatchQueueInfo(pending=10, running=100),
    history=RecentPilots(),
    past=(PastCycle(60.0, 2, 97, 10, 100),),
)
PER_CYCLE = (MaxPerCycle, {"sched.maxpercycle.maximum": 5})
TO_RUN = (MaxToRun, {"sched.maxtorun.maximum": 90})
NEGATIVE = {"sched.maxpending.maximum": 4, "sched.maxpending.allow_negative": True}


@pytest.mark.parametrize(
    ("chain", "n", "spared"),
    [
        ([(Adaptive, {})], -5, True),
        ([(Adaptive, {}), PER_CYCLE], -5, True),
        ([(Adaptive, {}), TO_RUN], -20, False),
        ([(Fixed, {}), (MaxPending, NEGATIVE)], -6, True),
        ([(KeepNRunning, {"sched.keepnrunning.keep_running": 90})], -20, False),
    ],
)
def test_running_pilots_are_spared_unless_a_rule_means_them(make, chain, n, spared):
    decision = decide([make(cls, **texts) for cls, texts in chain], KNOWN)
    assert decision.n == n
    assert decision.decisive.spares_running is spared
