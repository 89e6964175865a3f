"""MaxPerFactory: not more than so many pilots over all queues of this factory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import Cap, CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.text import count
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited


class MaxPerFactoryOptions(Options):
    """What `MaxPerFactory` can be told."""

    maximum: int | None = option(
        None,
        key="maxperfactory.maximum",
        scope="factory",
        unit="pilots",
        description="Most pilots, pending and running, over all queues; unset: a queue that lists "
        "MaxPerFactory sends nothing",
    )


class MaxPerFactory(SchedPlugin[MaxPerFactoryOptions]):
    """`min(n, maximum - total)`, never below 0 unless `n` is.

    The count alone cannot hold the limit, since queues decide at the same time: `caps` makes it hold when
    pilots are reserved. A limit that was asked for but has no number is missing information: 0, as in 2.4.
    """

    name = "MaxPerFactory"
    Options = MaxPerFactoryOptions
    declares: ClassVar[Declaration] = Declaration("limits")
    needs: ClassVar[frozenset[Need]] = frozenset({"factory"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most what is left of the maximum."""
        assert inputs.factory_active is not None
        total, maximum = inputs.factory_active, self.options.maximum
        if maximum is None:
            step = self.step(
                n, 0, "maxperfactory.maximum is not set in [Factory]: nothing is sent", total=total
            )
            return replace(step, final=True)
        out = min(n, max(0, maximum - total))
        reason = limited(n, out, f"{count(total, 'pilot')} in the whole factory, at most {maximum}")
        return self.step(n, out, reason, total=total, maxperfactory=maximum)

    def caps(self) -> Sequence[Cap]:
        """Return the factory's limit, which also holds between queues that decide at the same time."""
        maximum = self.options.maximum
        return () if maximum is None else (Cap("factory", max(0, maximum), self.name),)
