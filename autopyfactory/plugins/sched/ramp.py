"""Ramp: let a site grow only as fast as its pilots start and survive: 1, 2, 4, ..."""

from __future__ import annotations

import math
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, RecentPilots, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.model.text import count
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited

RAMPING = Bite("ramping", "nobody", "nothing: more follow when these pilots run well")


class RampOptions(Options):
    """What `Ramp` can be told."""

    initial: int = option(
        1,
        key="sched.ramp.initial",
        unit="pilots",
        ge=1,
        description="Pilots that a site may have which has not shown yet that pilots run there",
    )
    factor: float = option(
        2.0,
        key="sched.ramp.factor",
        gt=1,
        allow_inf_nan=False,
        description="A site may have this many times the pilots that it runs well, and `initial` more",
    )


class Ramp(SchedPlugin[RampOptions]):
    """`min(n, initial + factor x surviving - (pending + running))`, never below 0 unless `n` is.

    `surviving` is what the site is known to run well: the pilots that run now, or as many as ended well
    lately would keep running (ended well x lifetime / window), whichever is more, times the part of the
    ended ones that ended well. With the defaults a new site gets 1 pilot, 2 more when it runs, then 4, 8,
    and so on; where all pilots fail it gets one at a time.
    """

    name = "Ramp"
    Options = RampOptions
    declares: ClassVar[Declaration] = Declaration("guards", cause=RAMPING)
    needs: ClassVar[frozenset[Need]] = frozenset({"batch", "history"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most what the site has earned."""
        assert inputs.batch is not None and inputs.history is not None
        active, running = inputs.batch.active, inputs.batch.running
        surviving = survivors(running, inputs.history)
        allowed = self.options.initial + int(self.options.factor * surviving)
        out = min(n, max(0, allowed - active))
        words = f"{count(surviving, 'pilot')} known to run well: {allowed} allowed, {active} there"
        return self.step(n, out, limited(n, out, words), surviving=surviving, allowed=allowed, active=active)


def survivors(running: int, history: RecentPilots) -> int:
    """Return how many pilots the site is known to run well at the same time."""
    bad = min(history.finished, history.short + history.failed)
    good = history.finished - bad
    part = good / history.finished if history.finished else 1.0
    lasting = min(1.0, (history.lifetime or 0.0) / history.window)
    return math.floor(max(running, good * lasting) * part)
