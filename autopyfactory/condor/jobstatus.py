"""Which jobs run, also by what only their site says.

A cloud's machine that ran already when HTCondor first looked (a spot machine) is idle to it for good,
JobStatus 1; GridJobStatus tells (as measured with HTCondor 23.9). Elsewhere the two agree.
"""

from __future__ import annotations

from typing import Any

IDLE, RUNNING = 1, 2
RUNS_THERE = "running"  # GridJobStatus, in lower case

_THERE = f'(GridJobStatus == "{RUNS_THERE}")'  # ClassAds compare text without its case
IS_IDLE = f"(JobStatus == {IDLE} && {_THERE} isnt true)"
IS_RUNNING = f"(JobStatus == {RUNNING} || (JobStatus == {IDLE} && {_THERE} is true))"


def actual(status: Any, there: Any) -> Any:
    """Return the JobStatus that a job with this one has, whose GridJobStatus is `there`."""
    if status == IDLE and there is not None and str(there).lower() == RUNS_THERE:
        return RUNNING
    return status
