"""Downtime: send nothing during declared downtimes, and stop early enough for pilots to end before."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.windows import Window, parse_window

IN_DOWNTIME = Bite("downtime", "nobody", "wait until the declared downtime ends, or correct its declaration")


def _windows(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(parse_window(part) for part in value.split(",") if part.strip())


class DowntimeOptions(Options):
    """What `Downtime` can be told."""

    windows: Annotated[tuple[Window, ...], BeforeValidator(_windows)] = option(
        (),
        key="sched.downtime.windows",
        remote=True,
        description="Downtimes as START/END in ISO 8601, separated by commas; UTC unless an offset is given; "
        "a bare date as END includes that day",
    )
    lead: float = option(
        0,
        key="sched.downtime.lead",
        unit="s",
        ge=0,
        description="Stop sending this long before a downtime: as long as a pilot waits and runs",
    )


class Downtime(SchedPlugin[DowntimeOptions]):
    """`min(n, 0)` from `lead` before the start of a window until its end, else `n`.

    `Ramp` after it brings a site back gently.
    """

    name = "Downtime"
    Options = DowntimeOptions
    declares: ClassVar[Declaration] = Declaration("holds", cause=IN_DOWNTIME)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return at most 0 in a downtime or shortly before one, else `n`."""
        lead = timedelta(seconds=self.options.lead)
        for window in self.options.windows:
            if window.start - lead <= inputs.now < window.end:
                when = "in a downtime" if inputs.now >= window.start else "shortly before a downtime"
                return self.step(n, min(n, 0), f"{when}, {window}: nothing is sent", comment="downtime")
        later = [w for w in self.options.windows if w.start > inputs.now]
        coming = f"; the next is {min(later, key=lambda w: w.start)}" if later else ""
        return self.step(n, n, f"no downtime now{coming}", comment="no downtime")
