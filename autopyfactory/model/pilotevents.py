"""What happened to a queue's pilots lately: from single starts and endings to the numbers that rules use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from autopyfactory.model.decision import EndedPilot, RecentPilots
from autopyfactory.model.latency import bound

WINDOW = 3600.0  # seconds that the numbers look back
SHORT = 60.0  # seconds: a pilot that ran for less did no work worth the name
KEEP_STARTS = 500  # starts per queue whose times are kept
KEEP_ENDED = 500  # endings per queue that are kept one by one
TAKEN_BACK = "AutoPyFactory: more pilots than needed"  # why a pilot was removed that was sent in vain


@dataclass(frozen=True, slots=True)
class Start:
    """A pilot that began to run."""

    at: float  # seconds since the epoch, by the schedd's clock
    latency: float  # seconds since it was sent


@dataclass(frozen=True, slots=True)
class Ending:
    """A pilot that ended."""

    at: float  # seconds since the epoch, by the schedd's clock
    wall: float  # seconds it ran; 0: it never did
    ok: bool  # its wrapper said that all was well
    empty: bool = False  # ... and that it ran no payload


@dataclass(frozen=True, slots=True)
class Recall:
    """A pilot that was taken back before it started."""

    at: float  # seconds since the epoch, by the schedd's clock
    waited: float  # seconds since it was sent


@dataclass(frozen=True, slots=True)
class QueueEvents:
    """Starts and endings of one queue's pilots within the window, and those that were taken back."""

    starts: tuple[Start, ...] = ()
    endings: tuple[Ending, ...] = ()
    recalls: tuple[Recall, ...] = ()


@dataclass(frozen=True, slots=True)
class PilotEvents:
    """Starts and endings of all queues of one schedd, as of one moment."""

    asked_at: float  # seconds since the epoch
    queues: Mapping[str, QueueEvents] = field(default_factory=dict)


def recent_pilots(events: PilotEvents, queue: str, *, total: int, submitted: int) -> RecentPilots:
    """Return the numbers of `queue`.

    `total` pilots were ever sent for it, `submitted` within the window (the ledger knows).
    """
    mine = events.queues.get(queue, QueueEvents())
    ran = [e for e in mine.endings if e.wall > 0]
    ended = sorted(ran, key=lambda e: -e.at)[:KEEP_ENDED]
    return RecentPilots(
        window=WINDOW,
        submitted_total=total,
        submitted=submitted,
        started=len(mine.starts),
        finished=len(mine.endings),
        short=sum(e.ok and e.wall < SHORT for e in mine.endings),
        empty=sum(e.ok and e.empty for e in mine.endings),
        failed=sum(not e.ok for e in mine.endings),
        start_latency=bound([s.latency for s in mine.starts], (r.waited for r in mine.recalls)),
        lifetime=_median(e.wall for e in ran),
        ended=tuple(EndedPilot(events.asked_at - e.at + e.wall, e.wall) for e in ended),
        starts=tuple(sorted(max(0.0, events.asked_at - s.at) for s in mine.starts)[:KEEP_STARTS]),
    )


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return median(known) if known else None
