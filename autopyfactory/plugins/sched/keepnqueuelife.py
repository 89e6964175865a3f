"""KeepNQueueLife: send a given number of pilots over the whole life of a queue."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Lenient, Options, option
from autopyfactory.plugins.base import SchedPlugin


class KeepNQueueLifeOptions(Options):
    """What `KeepNQueueLife` can be told."""

    njobs: int | None = option(
        None,
        key="sched.keepnqueuelife.njobs",
        unit="pilots",
        ge=0,
        lenient=Lenient(0, 0),
        description="Pilots to send over the life of the queue; unset: the number so far is the target",
    )


class KeepNQueueLife(SchedPlugin[KeepNQueueLifeOptions]):
    """`target - pilots ever sent`, ended ones included.

    Never negative: taking pilots back would not lower the number that was ever sent, so it would go on.
    """

    name = "KeepNQueueLife"
    Options = KeepNQueueLifeOptions
    declares: ClassVar[Declaration] = Declaration(
        "targets", subtracts=frozenset({"pending", "running", "ended"})
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"history"})

    @once
    def declaration(self) -> Declaration:
        """With a target of its own it ignores the number so far."""
        return self.declares if self.options.njobs is None else replace(self.declares, part="starts")

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return how many pilots are missing from the target."""
        assert inputs.history is not None
        njobs, ever = self.options.njobs, inputs.history.submitted_total
        target = n if njobs is None else njobs
        out = max(0, target - ever)
        reason = f"{ever} sent so far of {target}: " + (f"{out} missing" if out else "complete")
        return self.step(n, out, reason, njobs="None" if njobs is None else njobs, total=ever)
