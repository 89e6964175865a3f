"""MinToSubmit: at least so many pilots over the whole life of a queue."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import raised, unset


class MinToSubmitOptions(Options):
    """What `MinToSubmit` can be told."""

    minimum: int | None = option(
        None,
        key="sched.mintosubmit.minimum",
        unit="pilots",
        ge=0,
        description="Fewest pilots to send over the life of the queue, work or not; unset: no such limit",
    )


class MinToSubmit(SchedPlugin[MinToSubmitOptions]):
    """`max(n, minimum - pilots ever sent)`."""

    name = "MinToSubmit"
    Options = MinToSubmitOptions
    declares: ClassVar[Declaration] = Declaration("raises", numbers=("minimum",))
    needs: ClassVar[frozenset[Need]] = frozenset({"history"})

    @once
    def declaration(self) -> Declaration:
        """A minimum of 0 sends nothing."""
        return self.declares if self.options.minimum else replace(self.declares, part="passes")

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at least what is missing from the minimum."""
        assert inputs.history is not None
        minimum, ever = self.options.minimum, inputs.history.submitted_total
        if minimum is None:
            return unset(self.name, n, "sched.mintosubmit.minimum", total=ever)
        out = max(n, minimum - ever)
        reason = raised(n, out, f"{ever} sent so far, at least {minimum}")
        return self.step(n, out, reason, mintosubmit=minimum, total=ever)
