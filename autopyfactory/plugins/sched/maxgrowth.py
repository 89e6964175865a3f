"""MaxGrowth: in one cycle a queue grows by a part of what it has, whatever the WMS says."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.model.text import count
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited

GROWING = Bite(
    "growing", "nobody", "nothing: more follow in the next cycles, if the work is still there then"
)


class MaxGrowthOptions(Options):
    """What `MaxGrowth` can be told."""

    initial: int = option(
        10,
        key="sched.maxgrowth.initial",
        unit="pilots",
        ge=1,
        description="Pilots that may be sent in one cycle however few there are",
    )
    factor: float = option(
        0.5,
        key="sched.maxgrowth.factor",
        ge=0,
        allow_inf_nan=False,
        description="Besides, this many times the pilots that are there may be sent in one cycle",
    )


class MaxGrowth(SchedPlugin[MaxGrowthOptions]):
    """`min(n, initial + factor x (pending + running))`.

    Demand that doubles, jumps or is huge for one answer of the WMS makes a queue grow by steps. What is there
    counts as the book of pilots has it, so that no answer of a schedd makes the step larger.
    """

    name = "MaxGrowth"
    Options = MaxGrowthOptions
    declares: ClassVar[Declaration] = Declaration("paces", cause=GROWING)
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most one step."""
        assert inputs.batch is not None
        active = max(0, inputs.batch.active - inputs.batch.foreign)
        step = self.options.initial + int(self.options.factor * active)
        out = min(n, step)
        words = f"{count(active, 'pilot')} there, so at most {step} more in one cycle"
        return self.step(n, out, limited(n, out, words), maxgrowth=step, active=active)
