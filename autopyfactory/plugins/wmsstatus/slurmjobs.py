"""What Slurm's JSON says about its jobs, in jobs and array tasks; pure.

`squeue --json` and slurmrestd give the same objects. Their form changed over the releases: states were texts
and are lists now, numbers were plain and are `{"set": .., "number": ..}` now. All forms are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

Counts = dict[str, dict[str, int]]

# Why a pending job cannot start however many pilots come: it waits for its user, its time, another job or a
# limit of its own.
CANNOT_RUN = re.compile(
    r"Dependency|JobHeld|BeginTime|JobArrayTaskLimit|QOS|Assoc|Max|Licenses|Reservation$|ReservationDeleted"
    r"|BadConstraints|InvalidAccount|InvalidQOS|PartitionDown|PartitionInactive|PartitionTimeLimit"
    r"|PartitionNodeLimit|AccountNotAllowed|JobHoldMaxRequeue|DeadLine|FrontEndDown|launch_failed"
)
BLOCKED = "PENDING-BLOCKED"

STATUSES = {
    "PENDING": "ready",
    BLOCKED: "notready",
    "REQUEUED": "notready",
    "REQUEUE_HOLD": "notready",
    "REQUEUE_FED": "notready",
    "SPECIAL_EXIT": "notready",
    "RESV_DEL_HOLD": "notready",
    "CONFIGURING": "running",
    "RUNNING": "running",
    "SUSPENDED": "running",
    "STOPPED": "running",
    "SIGNALING": "running",
    "STAGE_OUT": "running",
    "RESIZING": "running",
    "COMPLETING": "running",
    "COMPLETED": "done",
    "CANCELLED": "failed",
    "FAILED": "failed",
    "TIMEOUT": "failed",
    "NODE_FAIL": "failed",
    "PREEMPTED": "failed",
    "BOOT_FAIL": "failed",
    "DEADLINE": "failed",
    "OUT_OF_MEMORY": "failed",
    "REVOKED": "failed",
}

_RANGE = re.compile(r"(\d{1,12})(?:-(\d{1,12}))?(?::(\d{1,12}))?$")


def tasks(text: str) -> int:
    """Return how many tasks an array expression such as `0-9,12,20-30:2%4` names.

    Raises ValueError for one that is not understood, cut off ones (`1,2,...`) included.
    """
    total = 0
    for part in text.partition("%")[0].split(","):
        match = _RANGE.match(part.strip())
        if match is None:
            raise ValueError(f"array tasks that are not understood: {text!r:.80}")
        first, last, step = (int(g) if g else None for g in match.groups())
        assert first is not None
        total += len(range(first, (first if last is None else last) + 1, step or 1))
    return total


def _state(job: dict[str, Any]) -> str:
    value = job.get("job_state")
    states = [value] if isinstance(value, str) else value
    if not isinstance(states, list) or not states or not all(isinstance(s, str) for s in states):
        raise ValueError(f"job {job.get('job_id')!r:.40} has no state that is understood: {value!r:.80}")
    base = str(states[0])
    if base == "PENDING":
        held = any(s.startswith(("REQUEUE", "SPECIAL_EXIT", "RESV_DEL")) for s in states[1:])
        reason = str(job.get("state_reason") or "")
        return BLOCKED if held or CANNOT_RUN.search(reason) else base
    return base


def count(data: Any, ignore_users: Collection[str] = ()) -> Counts:
    """Return `{partition: {state: jobs}}` of the answer `data`.

    Each task of an array is a job. A job for several partitions counts once, in the first. Raises ValueError
    when the answer reports errors or is of another shape.
    """
    if not isinstance(data, dict) or not isinstance(data.get("jobs"), list):
        raise ValueError("the answer has no list of jobs")
    if data.get("errors"):
        raise ValueError(f"Slurm reports errors: {data['errors']!r:.200}")
    counts: Counts = {}
    for job in _objects(data["jobs"]):
        if job.get("user_name") in ignore_users:
            continue
        partition = str(job.get("partition") or "").split(",")[0]
        states = counts.setdefault(partition, {})
        state = _state(job)
        array = job.get("array_task_string") if state in ("PENDING", BLOCKED) else None
        states[state] = states.get(state, 0) + (tasks(array) if array else 1)
    return counts


def _objects(jobs: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for job in jobs:
        if not isinstance(job, dict):
            raise ValueError("the list of jobs holds something else")
        yield job
