"""Fixed: the same number of pilots in every cycle, whatever is known."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin


class FixedOptions(Options):
    """What `Fixed` can be told."""

    pilots: int | None = option(
        None,
        key="sched.fixed.pilotspercycle",
        unit="pilots",
        description="Pilots to send in every cycle; unset: none",
    )


class Fixed(SchedPlugin[FixedOptions]):
    """A constant; what came in is ignored. For tests and commissioning: it does not look at the work."""

    name = "Fixed"
    Options = FixedOptions
    declares: ClassVar[Declaration] = Declaration("starts")

    @once
    def declaration(self) -> Declaration:
        """A negative number takes pilots back."""
        return replace(self.declares, retires=(self.options.pilots or 0) < 0)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the constant."""
        pilots = self.options.pilots
        if pilots is None:
            return self.step(
                n, 0, "sched.fixed.pilotspercycle is not set: nothing is sent", comment="nosetup"
            )
        return self.step(n, pilots, f"always {pilots}")
