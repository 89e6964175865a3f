"""MaxPerCE: not more than so many pilots at one CE, over all queues that send there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import Cap, CycleInputs, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.text import count
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited, unset

SCOPE = "ce"  # the factory reads this as "the CE that the queue sends to"


class MaxPerCEOptions(Options):
    """What `MaxPerCE` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxperce.maximum",
        unit="pilots",
        ge=0,
        description="Most pilots, pending and running, at the queue's CE over all queues; unset: no limit",
    )


class MaxPerCE(SchedPlugin[MaxPerCEOptions]):
    """`min(n, maximum - pilots at the CE)`, never below 0 unless `n` is.

    Queues that share a CE may ask for different limits: each keeps to its own. `caps` makes it hold also
    between queues that decide at the same time.
    """

    name = "MaxPerCE"
    Options = MaxPerCEOptions
    declares: ClassVar[Declaration] = Declaration("limits", numbers=("maximum",))

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most what is left of the maximum."""
        maximum = self.options.maximum
        if maximum is None:
            return unset(self.name, n, "sched.maxperce.maximum")
        at = [
            v for scope, v in inputs.scope_active.items() if scope == SCOPE or scope.startswith(f"{SCOPE}:")
        ]
        if not at:
            return replace(self.step(n, 0, "the pilots at the CE are not known: nothing is sent"), final=True)
        total = sum(at)
        out = min(n, sum(max(0, maximum - there) for there in at))
        where = "the CE" if len(at) == 1 else f"{len(at)} CEs"
        each = "" if len(at) == 1 else " at each"
        reason = limited(n, out, f"{count(total, 'pilot')} at {where}, at most {maximum}{each}")
        return self.step(n, out, reason, total=total, maxperce=maximum)

    def caps(self) -> Sequence[Cap]:
        """Return the CE's limit."""
        maximum = self.options.maximum
        return () if maximum is None else (Cap(SCOPE, maximum, self.name),)
