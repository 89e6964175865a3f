"""Null: nothing at all, for dry runs."""

from __future__ import annotations

from autopyfactory.config.options import Options
from autopyfactory.decision import CycleInputs, Step
from autopyfactory.plugins.base import SchedPlugin


class Null(SchedPlugin[Options]):
    """Always 0: everything before it is calculated and shown, nothing is sent."""

    name = "Null"

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return 0."""
        return self.step(n, 0, "Null sends nothing")
