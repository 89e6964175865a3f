"""MaxToRun: not more than so many pilots, pending and running."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited, unset


class MaxToRunOptions(Options):
    """What `MaxToRun` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxtorun.maximum",
        unit="pilots",
        description="Most pilots to have, pending and running together; unset: no limit",
    )


class MaxToRun(SchedPlugin[MaxToRunOptions]):
    """`min(n, maximum - (pending + running))`; negative, to retire pilots, when there are more."""

    name = "MaxToRun"
    Options = MaxToRunOptions
    declares: ClassVar[Declaration] = Declaration("limits", retires=True, numbers=("maximum",))
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most what is left of the maximum."""
        assert inputs.batch is not None
        maximum, pending, running = self.options.maximum, inputs.batch.pending, inputs.batch.running
        if maximum is None:
            return unset(self.name, n, "sched.maxtorun.maximum", pending=pending, running=running)
        out = min(n, maximum - pending - running)
        reason = limited(n, out, f"{pending} pending and {running} running, at most {maximum}")
        return self.step(n, out, reason, maxtorun=maximum, pending=pending, running=running)
