"""Cycles of a queue A, decided by links of a chain that are given by what they declare and a formula."""

from __future__ import annotations

from datetime import UTC, datetime

from autopyfactory.model.decision import CycleInputs, Step, decide
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Sent


class Rule:
    """A link of a chain by its name and formula."""

    needs = frozenset()

    def __init__(self, part, name, formula):
        self.declaration = Declaration(part)
        self.name, self.formula = name, formula

    def calc(self, n, inputs):
        return Step(self.name, n, self.formula(n, inputs), "")


READY = Rule("starts", "Ready", lambda n, i: max(0, i.wms.ready - i.batch.pending))
PER_CYCLE = Rule("paces", "Slowly", lambda n, i: min(n, 10))
TO_RUN = Rule("limits", "MaxToRun", lambda n, i: min(n, 50 - i.batch.pending - i.batch.running))
PENDING = Rule("limits", "MaxPending", lambda n, i: min(n, 20 - i.batch.pending))
MUTE = Rule("other", "Mute", lambda n, i: min(n, 3))
FIXED = Rule("starts", "Fixed", lambda n, i: 30)


def cycle(ready, pending=0, running=0, chain=(READY, PER_CYCLE, TO_RUN), **given):
    inputs = CycleInputs(
        "A",
        wms=WMSQueueInfo(ready=ready),
        batch=BatchQueueInfo(pending=pending, running=running),
        site=SiteInfo("online"),
    )
    decision = decide(chain, inputs)
    sent = (Sent("t", "s", "ce", decision.n, "1"),) if decision.n > 0 and "outcome" not in given else ()
    given = {"outcome": "sent", "reason": "", "inputs": inputs, "sent": sent, "decision": decision, **given}
    return CycleRecord("A", 1, datetime(2026, 11, 22, tzinfo=UTC), **given)
