"""The pilots themselves, from the schedd: listed, timed, removed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.jobstatus import IS_IDLE, IS_RUNNING, actual
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.why.waits import UNKNOWN, starved

STATES = {
    "idle": 1, "running": 2, "removed": 3, "completed": 4, "held": 5, "transferring": 6, "suspended": 7,
}  # fmt: skip
WORDS = {number: word for word, number in STATES.items()}
_SAID = {"idle": IS_IDLE, "running": IS_RUNNING}  # the site knows better than HTCondor
PENDING = ("idle", "held")
CHUNK = 100  # pilots per removal: larger transactions stall other clients of a schedd
ATTRIBUTES = (
    "ClusterId", "ProcId", "JobStatus", "GridJobStatus", "MATCH_APF_QUEUE", "QDate", "EnteredCurrentStatus",
    "GridResource", "GridJobId", "HoldReason", "ApfSubmission",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which pilots are meant."""

    queue: str | None = None
    states: tuple[str, ...] = ()  # names of STATES; empty: all
    older: timedelta | None = None  # in their present state for longer than this

    def constraint(self, factory_id: str, now: datetime) -> str:
        """Return it as a ClassAd expression. Raises ValueError for a state that does not exist."""
        parts = [f"ApfFactory =?= {constraint_string(factory_id)}"]
        if self.queue is not None:
            parts.append(f"MATCH_APF_QUEUE =?= {constraint_string(self.queue)}")
        if self.states:
            unknown = [s for s in self.states if s not in STATES]
            if unknown:
                raise ValueError(f"no such state: {', '.join(unknown)}; states: {', '.join(STATES)}")
            said = (_SAID.get(s, f"JobStatus == {STATES[s]}") for s in self.states)
            parts.append("(" + " || ".join(said) + ")")
        if self.older is not None:
            parts.append(f"EnteredCurrentStatus < {int((now - self.older).timestamp())}")
        return " && ".join(parts)


@dataclass(frozen=True, slots=True)
class Pilot:
    """One pilot as its schedd sees it."""

    id: str
    queue: str
    state: str
    submitted: datetime | None = None
    since: datetime | None = None  # in this state
    grid_state: str = ""  # what the CE says
    ce: str = ""
    remote_id: str = ""
    reason: str = ""  # why it is held
    tag: str = ""  # of its submission
    target: str = ""  # the schedd


def listed(
    client: CondorClient, factory_id: str, wanted: Wanted, *, limit: int, deadline: float
) -> list[Pilot]:
    """Return up to `limit` pilots, by queue and id. Raises CondorError, ValueError."""
    now = datetime.now(UTC)
    ads = client.query(wanted.constraint(factory_id, now), ATTRIBUTES, limit=limit, deadline=deadline)
    ads.sort(key=lambda a: (str(a["MATCH_APF_QUEUE"]), int(a["ClusterId"]), int(a["ProcId"])))
    return [_pilot(ad, str(client.target)) for ad in ads]


def _pilot(ad: Mapping[str, Any], target: str) -> Pilot:
    return Pilot(
        id=f"{ad['ClusterId']}.{ad['ProcId']}",
        queue=str(ad["MATCH_APF_QUEUE"] or ""),
        state=WORDS.get(int(_status(ad) or 0), str(ad["JobStatus"])),
        submitted=_time(ad["QDate"]),
        since=_time(ad["EnteredCurrentStatus"]),
        grid_state=str(ad["GridJobStatus"] or ""),
        ce=str(ad["GridResource"] or ""),
        remote_id=str(ad["GridJobId"] or ""),
        reason=str(ad["HoldReason"] or "") if ad["JobStatus"] == STATES["held"] else "",
        tag=str(ad["ApfSubmission"] or ""),
        target=target,
    )


def remove(
    client: CondorClient, factory_id: str, wanted: Wanted, *, reason: str, deadline: float
) -> tuple[int, int]:
    """Remove the pilots that are meant; return how many were found and how many the schedd removed.

    Raises CondorError (some may be removed then), ValueError.
    """
    meant = wanted.constraint(factory_id, datetime.now(UTC))
    ads = client.query(meant, ("ClusterId", "ProcId"), deadline=deadline)
    removed = 0
    for start in range(0, len(ads), CHUNK):
        lot = ads[start : start + CHUNK]
        ids = " || ".join(f"(ClusterId == {a['ClusterId']} && ProcId == {a['ProcId']})" for a in lot)
        # what is meant is asked again: a pilot may have changed its state meanwhile
        totals = client.act("remove", f"{meant} && ({ids})", reason=reason, deadline=deadline)
        removed += totals.get("TotalSuccess", 0)
    return len(ads), removed


@dataclass(frozen=True, slots=True)
class Ages:
    """How long the pilots of one queue have been in their states."""

    oldest_pending: datetime | None = None
    oldest_running: datetime | None = None
    newest_running: datetime | None = None

    def full(self, now: datetime, patience: float = UNKNOWN) -> bool:
        """Whether the CE seems full: a pilot waits for longer than `patience` (s), and none starts."""
        return starved(self.oldest_pending, self.newest_running, now, patience)


def ages(client: CondorClient, factory_id: str, queue: str | None, *, deadline: float) -> dict[str, Ages]:
    """Return the ages of the pilots of one queue or of all. Raises CondorError."""
    wanted = Wanted(queue, ("idle", "held", "running"))
    names = ("MATCH_APF_QUEUE", "JobStatus", "GridJobStatus", "EnteredCurrentStatus")
    ads = client.query(wanted.constraint(factory_id, datetime.now(UTC)), names, deadline=deadline)
    return summarize(ads)


def summarize(ads: Iterable[Mapping[str, Any]]) -> dict[str, Ages]:
    """Turn ads into ages per queue."""
    found: dict[str, tuple[list[datetime], list[datetime]]] = {}
    for ad in ads:
        if ad["MATCH_APF_QUEUE"] is None or (since := _time(ad["EnteredCurrentStatus"])) is None:
            continue
        pending, running = found.setdefault(str(ad["MATCH_APF_QUEUE"]), ([], []))
        (running if _status(ad) == STATES["running"] else pending).append(since)
    return {
        queue: Ages(min(p, default=None), min(r, default=None), max(r, default=None))
        for queue, (p, r) in found.items()
    }


def _status(ad: Mapping[str, Any]) -> Any:
    return actual(ad["JobStatus"], ad["GridJobStatus"])


def _time(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) and seconds > 0 else None
