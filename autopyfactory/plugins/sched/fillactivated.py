"""Fillactivated: Ready without an offset, kept for configurations that name it."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Lenient, Options, option
from autopyfactory.plugins.base import SchedPlugin


class FillactivatedOptions(Options):
    """What `Fillactivated` can be told."""

    default: int = option(
        0,
        key="sched.fillactivated.default",
        unit="pilots",
        ge=0,
        lenient=Lenient(0, 0),
        description="No effect: in 2.4 the number sent when information was missing",
    )


class Fillactivated(SchedPlugin[FillactivatedOptions]):
    """`max(0, ready - pending)`; what came in is ignored."""

    name = "Fillactivated"
    Options = FillactivatedOptions
    declares: ClassVar[Declaration] = Declaration("starts", subtracts=frozenset({"pending"}))
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the ready jobs for which no pilot is pending."""
        assert inputs.wms is not None and inputs.batch is not None
        ready, pending = inputs.wms.ready, inputs.batch.pending
        out = max(0, ready - pending)
        reason = f"{ready} ready - {pending} pending: {out or 'nothing'} wanted"
        return self.step(n, out, reason, activated=ready, pending=pending)
