"""MinPending: keep at least so many pilots waiting at the CE."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import raised, unset


class MinPendingOptions(Options):
    """What `MinPending` can be told."""

    minimum: int | None = option(
        None,
        key="sched.minpending.minimum",
        unit="pilots",
        description="Fewest pilots to keep pending, work or not; unset: no such limit",
    )


class MinPending(SchedPlugin[MinPendingOptions]):
    """`max(n, minimum - pending)`."""

    name = "MinPending"
    Options = MinPendingOptions
    declares: ClassVar[Declaration] = Declaration("raises", numbers=("minimum",))
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    @once
    def declaration(self) -> Declaration:
        """A minimum of 0 or less sends nothing."""
        minimum = self.options.minimum
        return self.declares if minimum is None or minimum > 0 else replace(self.declares, part="passes")

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at least what fills up the pending pilots to the minimum."""
        assert inputs.batch is not None
        minimum, pending = self.options.minimum, inputs.batch.pending
        if minimum is None:
            return unset(self.name, n, "sched.minpending.minimum", pending=pending)
        out = max(n, minimum - pending)
        reason = raised(n, out, f"{pending} pending, at least {minimum}")
        return self.step(n, out, reason, minpending=minimum, pending=pending)
