"""MaxPending: not more than so many pilots waiting at the CE."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited, unset


class MaxPendingOptions(Options):
    """What `MaxPending` can be told."""

    maximum: int | None = option(
        None,
        key="sched.maxpending.maximum",
        unit="pilots",
        description="Most pilots to keep pending; unset: no limit",
    )
    allow_negative: bool = option(
        False,
        key="sched.maxpending.allow_negative",
        description="Take pilots back when more are pending than the maximum (in 2.4 the default was true)",
    )
    always: bool = option(
        False,
        key="sched.maxpending.always",
        description="Keep to the maximum also when no pilot is pending (in 2.4 there is then no limit, "
        "since the CE may have free slots)",
    )


class MaxPending(SchedPlugin[MaxPendingOptions]):
    """`min(n, maximum - pending)`; no limit when nothing is pending, unless `always` is set."""

    name = "MaxPending"
    Options = MaxPendingOptions
    declares: ClassVar[Declaration] = Declaration("limits", retires=True, numbers=("maximum",))
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    @once
    def declaration(self) -> Declaration:
        """It takes pilots back only where that is allowed."""
        return replace(self.declares, retires=self.options.allow_negative)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most what is left of the maximum."""
        assert inputs.batch is not None
        maximum, pending = self.options.maximum, inputs.batch.pending
        if maximum is None:
            return unset(self.name, n, "sched.maxpending.maximum", pending=pending)
        facts = {"pending": pending, "maxpending": maximum}
        if pending == 0 and not self.options.always:
            return self.step(n, n, "none pending: no limit, the CE may have free slots", **facts)
        room = maximum - pending
        if not self.options.allow_negative:
            room = max(0, room)
        out = min(n, room)
        step = self.step(n, out, limited(n, out, f"{pending} pending, at most {maximum}"), **facts)
        return replace(step, spares_running=True)
