"""What a simulation is made of: jobs, a CE with its pilots, disturbances. Plain data, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """A payload: when it becomes ready, and how long it runs."""

    ready_at: float
    duration: float


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time in which the site misbehaves."""

    start: float
    end: float

    def holds(self, t: float) -> bool:
        """Return whether `t` lies within."""
        return self.start <= t < self.end


@dataclass(frozen=True, slots=True)
class CEModel:
    """A CE, the batch system behind it, and the pilots that run there.

    Latencies are drawn from log-normal distributions given by median and sigma, as batch systems show them.
    """

    slots: int = 500
    latency: float = 240.0  # from submission to start when slots are free, median
    latency_sigma: float = 0.5
    boot: float = 90.0  # from start until the pilot can take a payload, median
    boot_sigma: float = 0.3
    idle: float = 300.0  # a pilot without a payload ends after this time
    lifetime: float = 86400.0  # a pilot takes no new payload after this time
    failing: float = 0.01  # part of the pilots that end soon after their start without a payload
    failing_after: float = 30.0
    outages: tuple[Period, ...] = ()  # nothing starts, and what runs is lost
    flaps: tuple[Period, ...] = ()  # `failing_in_flap` holds instead of `failing`
    failing_in_flap: float = 0.9


CES: dict[str, CEModel] = {
    "normal": CEModel(),
    "fast": CEModel(latency=45.0, latency_sigma=0.3),
    "slow": CEModel(latency=2400.0, latency_sigma=0.6),
    "small": CEModel(slots=40),
}


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
            model = replace(CES[part], outages=model.outages, flaps=model.flaps)
            continue
        if key not in known:
            raise ValueError(f"a CE model has no {key!r}; it has {', '.join(sorted(known))}")
        number: Any = int(value) if known[key].type == "int" else float(value)
        if not 0 <= number < float("inf"):
            raise ValueError(f"{key} cannot be {value}")
        model = replace(model, **{key: number})
    return model


@dataclass(frozen=True, slots=True)
class Workload:
    """Jobs over time, and the site at which they are to run."""

    name: str
    description: str
    jobs: tuple[Job, ...]
    ce: CEModel = field(default_factory=CEModel)

    @property
    def hours(self) -> float:
        """Hours until the last job becomes ready."""
        return max((j.ready_at for j in self.jobs), default=0.0) / 3600.0
