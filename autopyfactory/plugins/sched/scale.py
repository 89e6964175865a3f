"""Scale: multiply the number so far."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin

DECIMALS = 9  # so that 10 x 1.1, which is 11.000000000000002 to a computer, does not become 12


class ScaleOptions(Options):
    """What `Scale` can be told."""

    factor: float = option(
        1.0,
        key="sched.scale.factor",
        allow_inf_nan=False,
        description="The number so far is multiplied by this and rounded up",
    )


class Scale(SchedPlugin[ScaleOptions]):
    """`ceil(n x factor)`: any positive number stays at least 1, a negative one is rounded towards zero.

    Rounding up makes several queues with factors that add up to 1 send more than the demand in sum:
    `Share` divides exactly.
    """

    name = "Scale"
    Options = ScaleOptions
    declares: ClassVar[Declaration] = Declaration("scales")

    @once
    def declaration(self) -> Declaration:
        """Only a factor beyond 1 makes a number larger, or a negative one, which turns its sign."""
        factor = self.options.factor
        return replace(self.declares, grows=factor > 1 or factor < 0, retires=factor < 0)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n` times the factor, rounded up."""
        factor = self.options.factor
        out = math.ceil(round(n * factor, DECIMALS))
        return self.step(n, out, f"{n} x {factor:g}, rounded up, is {out}", factor=factor)
