"""Real arrivals: days of the NASA Ames iPSC/860 of 1993.

From the Parallel Workloads Archive (https://www.cs.huji.ac.il/labs/parallel/workload/); the log was provided
by Bill Nitzberg, the archive is kept by Dror Feitelson. Ten busy days are in `data/`, with the second of the
day, the seconds it ran and the processors of each job.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from autopyfactory.simulate.models import Job

FILE = "nasa-ipsc-1993-arrivals.csv"
PROCESSORS = 4  # that stand for one pilot's worth of work
LONGEST = 4 * 3600.0  # payloads that ran longer are cut to this


@cache
def days() -> tuple[tuple[Job, ...], ...]:
    """Return the jobs of each day, from its first one on; a job on many processors is several payloads."""
    found: dict[str, list[Job]] = {}
    with (files("autopyfactory.simulate") / "data" / FILE).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            payload = Job(float(row["t"]), min(LONGEST, max(1.0, float(row["run"]))))
            copies = max(1, int(row["procs"]) // PROCESSORS)
            found.setdefault(row["day"], []).extend([payload] * copies)
    return tuple(_from_zero(found[day]) for day in sorted(found, key=int))


def _from_zero(jobs: list[Job]) -> tuple[Job, ...]:
    first = min(job.ready_at for job in jobs)
    return tuple(Job(job.ready_at - first, job.duration) for job in sorted(jobs, key=lambda j: j.ready_at))
