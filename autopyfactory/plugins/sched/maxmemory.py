"""MaxMemory: limits in MB instead of pilots."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.amounts import Amount
from autopyfactory.plugins.sched.helpers import limited, unset


class MaxMemoryOptions(Options):
    """What `MaxMemory` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxmemory.maximum",
        unit="MB",
        ge=0,
        description="Most MB to ask for, by pending and running pilots together; unset: no limit",
    )
    pending: int | None = option(
        None,
        key="sched.maxmemory.pending",
        unit="MB",
        ge=0,
        description="Most MB to ask for by pending pilots; unset: no limit",
    )


class MaxMemory(SchedPlugin[MaxMemoryOptions]):
    """`min(n, what fits)`, never below 0 unless `n` is; one pilot asks for `pilot.memory` of its queue."""

    name = "MaxMemory"
    Options = MaxMemoryOptions
    declares: ClassVar[Declaration] = Declaration("limits", numbers=("maximum", "pending"))
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most as many pilots as fit into the limits."""
        assert inputs.batch is not None
        if self.options.maximum is None and self.options.pending is None:
            return unset(self.name, n, "sched.maxmemory.maximum")
        if inputs.memory_mb <= 0:
            step = self.step(n, 0, "pilot.memory is not set, so nothing can be said: nothing is sent")
            return replace(step, final=True)
        amount = Amount("MB", inputs.memory_mb, self.options.maximum, self.options.pending)
        room, words = amount.room(inputs.batch)
        out = min(n, room)
        return self.step(
            n, out, limited(n, out, words), maxmemory=str(self.options.maximum), each=amount.each
        )
