"""WeightedActivated: like Ready, with a weight for the ready jobs and one for the pending pilots."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Lenient, Options, option
from autopyfactory.plugins.base import SchedPlugin


class WeightedActivatedOptions(Options):
    """What `WeightedActivated` can be told."""

    activated: float = option(
        1.0,
        key="sched.weightedactivated.activated",
        ge=0,
        lenient=Lenient(0, 0),
        allow_inf_nan=False,
        description="Weight of the ready jobs",
    )
    pending: float = option(
        1.0,
        key="sched.weightedactivated.pending",
        ge=0,
        lenient=Lenient(0, 0),
        allow_inf_nan=False,
        description="Weight of the pending pilots",
    )


class WeightedActivated(SchedPlugin[WeightedActivatedOptions]):
    """`max(0, int(ready x weight) - int(pending x weight))`; what came in is ignored."""

    name = "WeightedActivated"
    Options = WeightedActivatedOptions
    declares: ClassVar[Declaration] = Declaration("starts", subtracts=frozenset({"pending"}))
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})

    @once
    def declaration(self) -> Declaration:
        """Pending pilots without weight are not subtracted."""
        return self.declares if self.options.pending else replace(self.declares, subtracts=frozenset())

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the weighted difference of ready jobs and pending pilots."""
        assert inputs.wms is not None and inputs.batch is not None
        ready, pending = inputs.wms.ready, inputs.batch.pending
        work, pilots = int(ready * self.options.activated), int(pending * self.options.pending)
        out = max(0, work - pilots)
        return self.step(
            n,
            out,
            f"{ready} ready count as {work}, {pending} pending as {pilots}: {out or 'nothing'} wanted",
            activated=ready,
            weightactivated=self.options.activated,
            pending=pending,
            weightpending=self.options.pending,
        )
