"""MinPerCycle: not fewer than so many pilots in one cycle."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import raised, unset


class MinPerCycleOptions(Options):
    """What `MinPerCycle` can be told."""

    minimum: int | None = option(
        None,
        key="sched.minpercycle.minimum",
        unit="pilots",
        description="Fewest pilots to send in one cycle, work or not; negative: most to take back in one; "
        "unset: no such limit",
    )


class MinPerCycle(SchedPlugin[MinPerCycleOptions]):
    """`max(n, minimum)`; also turns a negative number (retire) into the minimum.

    A negative minimum, -2 say, lets no cycle take back more than 2 pilots.

    After StatusOffline or a limit it sends again what they held back: put it before them.
    """

    name = "MinPerCycle"
    Options = MinPerCycleOptions
    declares: ClassVar[Declaration] = Declaration("raises", never_negative=True, numbers=("minimum",))

    @once
    def declaration(self) -> Declaration:
        """A minimum of 0 or less sends nothing; a negative one lets some be taken back."""
        minimum = self.options.minimum
        if minimum is None or minimum > 0:
            return self.declares
        return replace(self.declares, part="passes", never_negative=minimum == 0)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at least the minimum."""
        minimum = self.options.minimum
        if minimum is None:
            return unset(self.name, n, "sched.minpercycle.minimum")
        out = max(n, minimum)
        words = (
            f"at least {minimum} per cycle" if minimum >= 0 else f"at most {-minimum} taken back per cycle"
        )
        return self.step(n, out, raised(n, out, words), minpercycle=minimum)
