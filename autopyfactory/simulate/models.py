"""What a simulation is made of: jobs, sites with their pilots, disturbances. Plain data, times in seconds."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields, replace
from typing import Any

HOUR = 3600.0
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """A payload: when it becomes ready, and how long it runs."""

    ready_at: float
    duration: float
    fits: bool = True  # False: no pilot of these queues can run it, though the WMS counts it for them
    cancelled_at: float = math.inf  # its user takes it back then, wherever it is


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which a site misbehaves."""

    start: float
    end: float

    def holds(self, t: float) -> bool:
        """Return whether `t` lies within."""
        return self.start <= t < self.end


ALWAYS = Period(0.0, math.inf)


@dataclass(frozen=True, slots=True)
class CEModel:
    """A CE, the batch system behind it, and the pilots that run there.

    Durations with a sigma are drawn from log-normal distributions given by median and sigma, as batch
    systems show them.
    """

    # the way to a slot
    handover: float = 20.0  # from the schedd to the CE, median: until then a removal costs the CE nothing
    latency: float = 240.0  # from the CE to a start when slots are free, median
    latency_sigma: float = 0.5
    load: float = 1.0  # at a site without free slots the latency is longer by this part of it
    slots: int = 500
    others: float = 0.0  # part of the slots that other users take, in the mean
    others_swing: float = 0.0  # ... and how far that goes up and down
    starts_per_minute: float = 120.0  # the batch system starts no more; 0: no limit
    # the pilot
    boot: float = 90.0  # from start until the pilot can take a payload, median
    boot_sigma: float = 0.3
    payloads: int = 1  # payloads that it runs at the same time
    idle: float = 300.0  # a pilot without a payload ends after this time
    lifetime: float = 86400.0  # a pilot takes no new payload after this time
    # what the factory sees and does
    lag: float = 60.0  # a start or an end shows in the schedd within this time, at random
    removal: float = 20.0  # until a removal has reached the pilot, median
    removal_sigma: float = 0.5
    # what goes wrong
    failing: float = 0.01  # part of the pilots that end soon after their start without a payload
    failing_after: float = 30.0
    outages: tuple[Period, ...] = ()  # nothing starts, and what runs is lost
    flaps: tuple[Period, ...] = ()  # `failing_in_flap` holds instead of `failing`
    failing_in_flap: float = 0.9
    holes: tuple[Period, ...] = ()  # a node on which every pilot fails within `failing_after`
    hole_takes: float = 0.3  # part of the starts that such a node, which is always free, draws to itself


CES: dict[str, CEModel] = {
    "normal": CEModel(),
    "fast": CEModel(latency=45.0, latency_sigma=0.3),
    "slow": CEModel(latency=2400.0, latency_sigma=0.6),
    "small": CEModel(slots=40),
    "busy": CEModel(slots=300, others=0.6, others_swing=0.3),
    "dead": CEModel(outages=(ALWAYS,)),
}

PARTS = ("others", "failing", "failing_in_flap", "hole_takes")  # of a whole


def parse_ce(text: str, base: CEModel | None = None) -> CEModel:
    """Read `NAME` or `[NAME,]key=value,...`, for instance `slow,slots=200`. Raises ValueError.

    `base` is what keys change when no name is given.
    """
    model = base or CEModel()
    known = {f.name: f for f in fields(CEModel) if f.type in ("int", "float")}
    for part in (p.strip() for p in text.split(",")):
        key, equals, value = part.partition("=")
        if not equals:
            if part not in CES:
                raise ValueError(f"no CE model {part!r}; there are {', '.join(sorted(CES))}")
            named = CES[part]
            outages = named.outages or model.outages
            model = replace(named, outages=outages, flaps=model.flaps, holes=model.holes)
            continue
        if key not in known:
            raise ValueError(f"a CE model has no {key!r}; it has {', '.join(sorted(known))}")
        try:
            number: Any = int(value) if known[key].type == "int" else float(value)
        except ValueError as err:
            raise ValueError(f"{key} cannot be {value}: a number is wanted") from err
        if not (1 if key == "payloads" else 0) <= number <= (1.0 if key in PARTS else sys.float_info.max):
            raise ValueError(f"{key} cannot be {value}")
        model = replace(model, **{key: number})
    return model


@dataclass(frozen=True, slots=True)
class Timing:
    """How often and how late a factory looks. Seconds."""

    cycle: float = 60.0
    poll: float = 30.0  # an answer of the schedd is as old as this at the most when a cycle uses it
    wms: float = 60.0  # the WMS counts anew this often; a cycle uses its latest counts
    window: float = HOUR  # that the history looks back
    short: float = 60.0  # a pilot that runs for less is a short one


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs over time, and the sites at which they are to run, one queue of the factory each."""

    name: str
    description: str
    jobs: tuple[Job, ...]
    sites: tuple[CEModel, ...] = (CEModel(),)
    timing: Timing = Timing()

    @property
    def hours(self) -> float:
        """Hours until the last job becomes ready."""
        return max((job.ready_at for job in self.jobs), default=0.0) / HOUR
