"""Null: nothing at all, for dry runs."""

from __future__ import annotations

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.options.declare import Options
from autopyfactory.plugins.base import SchedPlugin


class Null(SchedPlugin[Options]):
    """Always 0: everything before it is calculated and shown, nothing is sent."""

    name = "Null"

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return 0."""
        return self.step(n, 0, "Null sends nothing")
