"""Downtime: send nothing during declared downtimes, and stop early enough for pilots to end before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.model.downtimes import Outage
from autopyfactory.options.declare import NameList, Options, option
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
    site: NameList = option(
        (),
        key="sched.downtime.site",
        remote=True,
        description="What `downtimes.sources` call the queue's site, resource or host; unset: the CE's host",
    )
    unknown: Literal["send", "hold"] = option(
        "send",
        key="sched.downtime.unknown",
        remote=True,
        description="What is done while nothing new enough is known from one of `downtimes.sources`",
    )


class Downtime(SchedPlugin[DowntimeOptions]):
    """`min(n, 0)` from `lead` before the start of a window until its end, else `n`.

    Windows are those in its options, and those that the sources in `downtimes.sources` declare for the
    queue's site. `Ramp` after it brings a site back gently.
    """

    name = "Downtime"
    Options = DowntimeOptions
    declares: ClassVar[Declaration] = Declaration("holds", cause=IN_DOWNTIME)

    def asks_downtimes_of(self) -> tuple[str, ...]:
        """Return the names in its options; none: those of the CE."""
        return self.options.site

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return at most 0 in a downtime or shortly before one, else `n`."""
        declared = inputs.declared
        unsure = f"; {declared.trouble}" if declared.trouble else ""
        windows = [
            *((w, "") for w in self.options.windows),
            *((Window(o.start, o.end), f" ({o.words})") for o in declared.outages if self._whole(o, inputs)),
        ]
        for window, whose in windows:
            if self._near(window, inputs):
                when = "in a downtime" if inputs.now >= window.start else "shortly before a downtime"
                reason = f"{when}, {window}{whose}: nothing is sent{unsure}"
                return self.step(n, min(n, 0), reason, comment="downtime")
        if not declared.known and self.options.unknown == "hold":
            reason = f"whether there is a downtime is not known: nothing is sent{unsure}"
            return self.step(n, min(n, 0), reason, comment="downtime unknown")
        later = [(w, whose) for w, whose in windows if w.start > inputs.now]
        first = min(later, key=lambda one: one[0].start, default=None)
        coming = f"; the next is {first[0]}{first[1]}" if first else ""
        return self.step(n, n, f"no downtime now{coming}{unsure}", comment="no downtime")

    def shuts(self, inputs: CycleInputs) -> Mapping[str, str]:
        """Return the CEs that are in downtimes of their own."""
        return {
            o.ce: f"in or shortly before a downtime, {Window(o.start, o.end)} ({o.words})"
            for o in inputs.declared.outages
            if o.ce and self._near(o, inputs)
        }

    def _near(self, window: Window | Outage, inputs: CycleInputs) -> bool:
        return window.start - timedelta(seconds=self.options.lead) <= inputs.now < window.end

    def _whole(self, outage: Outage, inputs: CycleInputs) -> bool:
        """Whether nothing is left to send to: one CE of several counts when none of the others is up."""
        return not outage.ce or set(inputs.declared.ces) <= self.shuts(inputs).keys()
