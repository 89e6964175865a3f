"""Hours: send only, or more, at certain hours of the day."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator

from autopyfactory.model.decision import CycleInputs, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.helpers import limited, unset
from autopyfactory.plugins.sched.windows import DailyHours, parse_hours

CLOSED = Bite("hours", "nobody", "wait for the hours in which this queue may send")


def _hours(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(parse_hours(part) for part in value.split(",") if part.strip())


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as err:
        raise ValueError(f"no such time zone: {err}") from None
    return name


class HoursOptions(Options):
    """What `Hours` can be told."""

    open: Annotated[tuple[DailyHours, ...] | None, BeforeValidator(_hours)] = option(
        None,
        key="sched.hours.open",
        remote=True,
        description="When pilots are sent without this rule's limit: [DAY[-DAY]] HH:MM-HH:MM, separated by "
        "commas; unset: always",
    )
    timezone: Annotated[str, AfterValidator(_zone)] = option(
        "UTC",
        key="sched.hours.timezone",
        remote=True,
        description="Time zone of these hours, like Europe/Zurich",
    )
    outside: int = option(
        0,
        key="sched.hours.outside",
        unit="pilots",
        ge=0,
        description="Most pilots to send in a cycle outside these hours",
    )


class Hours(SchedPlugin[HoursOptions]):
    """`n` inside the hours, `min(n, outside)` outside them."""

    name = "Hours"
    Options = HoursOptions
    declares: ClassVar[Declaration] = Declaration("holds", numbers=("open",), cause=CLOSED)

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`, at most `outside` when the hours do not hold."""
        hours = self.options.open
        if hours is None:
            return unset(self.name, n, "sched.hours.open")
        local = inputs.now.astimezone(ZoneInfo(self.options.timezone))
        clock = f"{local:%a %H:%M} {self.options.timezone}"
        if any(h.holds(local) for h in hours):
            return self.step(n, n, f"{clock} is within the hours", comment="open")
        out = min(n, self.options.outside)
        return self.step(n, out, limited(n, out, f"{clock} is outside the hours"), comment="closed")
