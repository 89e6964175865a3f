"""What came of a simulation."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of the grid at one moment."""

    hours: float
    ready: int
    jobs_running: int
    pending: int
    running: int
    idle: int


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a simulation. Waits in seconds, the rest as named."""

    jobs: int  # that some pilot could run
    done: int
    mean_wait: float
    p95_wait: float
    max_wait: float
    pilots: int  # sent
    started: int
    removed: int
    empty_pilots: int
    failed_pilots: int
    empty_hours: float  # of pilots that never ran a payload
    idle_hours: float  # of all pilots, without a payload: booting, waiting, failing; parts of a pilot count
    busy_hours: float
    operations: int  # submissions and removals that the CEs saw
    killed: int  # payloads that ran in pilots that were taken back
    hours: float  # until everything was over
    samples: tuple[Sample, ...] = field(default=(), repr=False)
