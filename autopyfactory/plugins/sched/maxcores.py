"""MaxCores: limits in cores instead of pilots."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.amounts import Amount
from autopyfactory.plugins.sched.helpers import limited, unset


class MaxCoresOptions(Options):
    """What `MaxCores` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxcores.maximum",
        unit="cores",
        ge=0,
        description="Most cores to ask for, by pending and running pilots together; unset: no limit",
    )
    pending: int | None = option(
        None,
        key="sched.maxcores.pending",
        unit="cores",
        ge=0,
        description="Most cores to ask for by pending pilots; unset: no limit",
    )


class MaxCores(SchedPlugin[MaxCoresOptions]):
    """`min(n, what fits)`, never below 0 unless `n` is; one pilot asks for `pilot.cores` of its queue."""

    name = "MaxCores"
    Options = MaxCoresOptions
    declares: ClassVar[Declaration] = Declaration("limits", numbers=("maximum", "pending"))
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most as many pilots as fit into the limits."""
        assert inputs.batch is not None

        if self.options.maximum is None and self.options.pending is None:
            return unset(self.name, n, "sched.maxcores.maximum")
        amount = Amount("cores", inputs.cores, self.options.maximum, self.options.pending)
        room, words = amount.room(inputs.batch)
        out = min(n, room)
        return self.step(n, out, limited(n, out, words), maxcores=str(self.options.maximum), each=amount.each)
