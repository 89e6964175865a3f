"""MaxPerCycle: not more than so many pilots in one cycle."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited, unset


class MaxPerCycleOptions(Options):
    """What `MaxPerCycle` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxpercycle.maximum",
        unit="pilots",
        description="Most pilots to send in one cycle; unset: no limit",
    )


class MaxPerCycle(SchedPlugin[MaxPerCycleOptions]):
    """`min(n, maximum)`."""

    name = "MaxPerCycle"
    Options = MaxPerCycleOptions
    declares: ClassVar[Declaration] = Declaration("paces", numbers=("maximum",))

    @once
    def declaration(self) -> Declaration:
        """A negative maximum takes pilots back."""
        retires = (self.options.maximum or 0) < 0
        return replace(self.declares, retires=True) if retires else self.declares

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most the maximum."""
        maximum = self.options.maximum
        if maximum is None:
            return unset(self.name, n, "sched.maxpercycle.maximum")
        out = min(n, maximum)
        return self.step(n, out, limited(n, out, f"at most {maximum} per cycle"), maxpercycle=maximum)
