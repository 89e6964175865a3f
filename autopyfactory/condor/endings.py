"""What a schedd's ads say of pilots that have started or ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autopyfactory.model.ending import ON_PURPOSE, TAKEN_BACK, Ending, Outcome, Start

STARTED = ("ApfSubmission", "ClusterId", "ProcId", "MATCH_APF_QUEUE", "JobStatus", "QDate", "JobStartDate")
ENDED = (
    *STARTED, "EnteredCurrentStatus", "CompletionDate", "RemoteWallClockTime", "ExitCode", "ExitBySignal",
    "ExitSignal", "LastRemoteHost", "RemoteHost", "RemoveReason", "LastHoldReason", "LastHoldReasonCode",
    "GridJobStatus", "Out", "Err",
)  # fmt: skip
RUNNING, REMOVED, COMPLETED = 2, 3, 4
HELD_THERE = "HELD"  # GridJobStatus of a pilot that its CE holds: reason and code are the CE's then
LATEST = 1e11  # Unix time: the year 5138
LONGEST = 1000  # characters of a reason


def start_of(ad: Mapping[str, Any]) -> Start | None:
    """Return when the pilot of `ad` started; None when it has not, or the ad does not tell."""
    at = number(ad["JobStartDate"])
    if not at or ad["MATCH_APF_QUEUE"] is None:
        return None
    latency = max(0.0, at - (number(ad["QDate"]) or at))
    return Start(_job(ad), str(ad["MATCH_APF_QUEUE"]), at, latency, str(ad["ApfSubmission"] or ""))


def ending_of(ad: Mapping[str, Any]) -> Ending | None:
    """Return how the pilot of `ad` ended; None for an ad that is none of our pilots'.

    An ad can hold anything: what is not of its kind counts as not said.
    """
    if ad["ApfSubmission"] is None or ad["MATCH_APF_QUEUE"] is None:
        return None
    started = number(ad["JobStartDate"]) or None
    entered = number(ad["EnteredCurrentStatus"])
    end = number(ad["CompletionDate"]) or entered
    wall = number(ad["RemoteWallClockTime"]) or (max(0.0, end - started) if started else 0.0)
    code = _small(ad["ExitCode"])
    signal = _small(ad["ExitSignal"]) if ad["ExitBySignal"] is True else None
    return Ending(
        place="",
        job=_job(ad),
        tag=str(ad["ApfSubmission"]),
        queue=str(ad["MATCH_APF_QUEUE"]),
        at=end,
        outcome=_outcome(ad, started, code, signal),
        queued=number(ad["QDate"]),
        started=started,
        wall=wall,
        exit_code=code,
        signal=signal,
        node=_text(ad["LastRemoteHost"]) or _text(ad["RemoteHost"]),
        reason=_text(ad["RemoveReason"]),
        hold_reason=_text(ad["LastHoldReason"]),
        hold_code=int(number(ad["LastHoldReasonCode"])),
        held_there=_text(ad["GridJobStatus"]).upper() == HELD_THERE,
        output=_text(ad["Out"]),
        errors=_text(ad["Err"]),
    )


def _outcome(ad: Mapping[str, Any], started: float | None, code: int | None, signal: int | None) -> Outcome:
    if ad["JobStatus"] == REMOVED:
        reason = _text(ad["RemoveReason"])
        if reason.startswith(TAKEN_BACK) and started is None:
            return "taken back"
        return "removed" if reason.startswith(ON_PURPOSE) else "dropped"
    return "failed" if code or signal is not None else "well"


def _job(ad: Mapping[str, Any]) -> str:
    return f"{int(ad['ClusterId'])}.{int(ad['ProcId'])}"


def number(value: Any) -> float:
    """Return what can be a time or a code of this age of the world, else 0."""
    return float(value) if isinstance(value, int | float) and 0 < value < LATEST else 0.0


def _small(value: Any) -> int | None:
    return value if isinstance(value, int) and abs(value) < 2**31 else None


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""
