"""The schedd's limits on jobs, as it tells of them when a submission would pass one.

The numbers are those of HTCondor's queue management protocol; texts seen with bindings 25 and schedds 23.9.
"""

from __future__ import annotations

import re

BY_NUMBER = {"-2": "MAX_JOBS_SUBMITTED", "-3": "MAX_JOBS_PER_OWNER", "-4": "MAX_JOBS_PER_SUBMISSION"}
# Jobs are made one by one within a transaction, which is then dropped: the first that is refused tells how
# many would have fitted.
_AT_JOB = re.compile(r"expected next ProcId to be (\d+), but Schedd says (-[234])\b")
_AT_CLUSTER = re.compile(r"\b(MAX_JOBS_\w+) exceeded")


def reached(text: str) -> tuple[str, int] | None:
    """Return which limit a submission's error tells of, and how many jobs fit; None: it tells of none."""
    if hit := _AT_JOB.search(text):
        return BY_NUMBER[hit[2]], int(hit[1])
    hit = _AT_CLUSTER.search(text)
    return None if hit is None else (hit[1], 0)
