"""Null: nothing at all, for dry runs."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.options.declare import Options
from autopyfactory.plugins.base import SchedPlugin

SWITCHED_OFF = Bite("switched-off", "us", "take Null out of the queue's rules")


class Null(SchedPlugin[Options]):
    """Always 0: everything before it is calculated and shown, nothing is sent."""

    name = "Null"
    declares: ClassVar[Declaration] = Declaration("holds", cause=SWITCHED_OFF)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return 0."""
        return self.step(n, 0, "Null sends nothing")
