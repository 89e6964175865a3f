"""MaxToSubmit: not more than so many pilots over the whole life of a queue."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited, unset


class MaxToSubmitOptions(Options):
    """What `MaxToSubmit` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxtosubmit.maximum",
        unit="pilots",
        ge=0,
        description="Most pilots to send over the life of the queue; unset: no limit",
    )


class MaxToSubmit(SchedPlugin[MaxToSubmitOptions]):
    """`min(n, maximum - pilots ever sent)`, never below 0 unless `n` is."""

    name = "MaxToSubmit"
    Options = MaxToSubmitOptions
    declares: ClassVar[Declaration] = Declaration("limits", numbers=("maximum",))
    needs: ClassVar[frozenset[Need]] = frozenset({"history"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most what is left of the maximum."""
        assert inputs.history is not None
        maximum, ever = self.options.maximum, inputs.history.submitted_total
        if maximum is None:
            return unset(self.name, n, "sched.maxtosubmit.maximum", total=ever)
        out = min(n, max(0, maximum - ever))
        reason = limited(n, out, f"{ever} sent so far, at most {maximum}")
        return self.step(n, out, reason, maxtosubmit=maximum, total=ever)
