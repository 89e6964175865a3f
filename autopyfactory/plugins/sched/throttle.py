"""Throttle: send few pilots while many of the latest ones ended at once."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Fact, Need, RecentPilots, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Lenient, Options, option
from autopyfactory.plugins.base import SchedPlugin

THROTTLED = Bite("throttled", "us", "see in the logs of ended pilots why they end so soon")


class ThrottleOptions(Options):
    """What `Throttle` can be told."""

    interval: float = option(
        3600,
        key="sched.throttle.interval",
        unit="s",
        lenient=Lenient(),
        description="Pilots count that started at most this long ago and have ended",
    )
    maxtime: float = option(
        10,
        key="sched.throttle.maxtime",
        unit="s",
        lenient=Lenient(),
        description="A pilot that ran for less than this is a short one",
    )
    ratio: float = option(
        0.5,
        key="sched.throttle.ratio",
        description="Throttle when more than this part of the pilots is short",
    )
    empty: float | None = option(
        None,
        key="sched.throttle.empty",
        description="Throttle as well when more than this part of the pilots that ended in the last hour "
        "found no work, as they say; unset: never",
    )
    submit: int = option(
        1,
        key="sched.throttle.submit",
        unit="pilots",
        description="Most pilots to send in a cycle while throttled",
    )


class Throttle(SchedPlugin[ThrottleOptions]):
    """`min(n, submit)` when short / total > ratio, or, if asked for, empty / finished > `empty`; else `n`.

    The history is bounded: only the latest endings that the history source keeps are looked at. A source
    that keeps none gives counts over its own window, which are used as they are.
    """

    name = "Throttle"
    Options = ThrottleOptions
    declares: ClassVar[Declaration] = Declaration("guards", cause=THROTTLED)
    needs: ClassVar[frozenset[Need]] = frozenset({"history"})

    @once
    def declaration(self) -> Declaration:
        """A negative number takes pilots back."""
        return replace(self.declares, retires=self.options.submit < 0)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, or at most `submit` when too many pilots were short."""
        assert inputs.history is not None
        total, short = self._count(inputs.history)
        bites = total > 0 and short / total > self.options.ratio
        out = min(n, self.options.submit) if bites else n
        reason = f"{short} of {total} pilots that ended lately were short"
        if bites:
            reason += f", more than {self.options.ratio:.0%}: {n} cut to {out}"
        facts: dict[str, Fact] = {"total": total, "short": short, "ratio": self.options.ratio}
        if self.options.empty is not None:
            ended, empty = inputs.history.finished, inputs.history.empty
            facts |= {"ended": ended, "empty": empty}
            if not bites and empty > self.options.empty * ended:
                out = min(n, self.options.submit)
                found = f"{empty} of {ended} pilots that ended in the last hour found no work"
                reason = f"{found}: {n} cut to {out}"
        return self.step(n, out, reason, **facts, submit=self.options.submit)

    def _count(self, history: RecentPilots) -> tuple[int, int]:
        if history.ended is None:
            return history.finished, history.short
        walls = [e.wall for e in history.ended if e.started_ago <= self.options.interval]
        return len(walls), sum(wall < self.options.maxtime for wall in walls)
