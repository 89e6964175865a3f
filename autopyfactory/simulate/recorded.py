"""Workloads from recorded history: a CSV or JSON file with jobs, or with counts over time.

Jobs: rows with `ready_at` and `duration`. Counts: rows with `time`, `ready` and `running` jobs, as a
factory's history gives them; from these the arrivals are worked out, given how long a payload runs. Times
are seconds or ISO 8601.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from autopyfactory.model.text import count
from autopyfactory.simulate.models import Job, Workload

TIMES = ("time", "started", "at", "ready_at")


def read(path: str, payload: float) -> Workload:
    """Read a workload; `payload` is the seconds a payload runs, where only counts are known.

    Raises ValueError that names the file and what is wrong with it.
    """
    try:
        rows = list(_rows(Path(path)))
        if not rows:
            raise ValueError("has no rows")
        jobs = _jobs(rows) if "duration" in rows[0] else _arrivals(_counts(rows), payload)
    except (OSError, KeyError, TypeError, ValueError, csv.Error, RecursionError) as err:
        what = f"a row has no {err}" if isinstance(err, KeyError) else str(err)
        raise ValueError(f"{path}: {what}") from err
    if not jobs:
        raise ValueError(f"{path}: there is no work in it")
    name = Path(path).stem
    return Workload(name, f"{count(len(jobs), 'job')} as recorded in {Path(path).name}", tuple(jobs))


def from_counts(name: str, counts: Sequence[tuple[float, float, float]], payload: float) -> Workload:
    """Return the work that explains recorded `counts` (seconds, ready and running jobs, in order).

    Raises ValueError when there is none in them.
    """
    start = counts[0][0] if counts else 0.0
    jobs = _arrivals([(t - start, ready, running) for t, ready, running in counts], payload)
    if not jobs:
        raise ValueError(f"no work is recorded of {name}")
    words = f"{count(len(jobs), 'job')} as recorded of {name}, {payload / 60:.0f} minutes each"
    return Workload(name, words, tuple(jobs))


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(newline="", encoding="utf-8") as file:
        if path.suffix.lower() != ".json":
            yield from csv.DictReader(file)
            return
        data = json.load(file)
    if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
        raise ValueError("is not a list of objects")
    yield from data


def _seconds(row: Mapping[str, Any]) -> float:
    key = next((k for k in TIMES if k in row), "time")
    value = row[key]
    try:
        return _number(value)
    except ValueError:
        moment = datetime.fromisoformat(str(value))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not a finite number")
    return number


def _jobs(rows: Sequence[Mapping[str, Any]]) -> list[Job]:
    pairs = sorted((_seconds(row), _number(row["duration"])) for row in rows)
    if any(duration < 0 for _, duration in pairs):
        raise ValueError("a duration is negative")
    return [Job(t - pairs[0][0], duration) for t, duration in pairs]


def _counts(rows: Sequence[Mapping[str, Any]]) -> list[tuple[float, float, float]]:
    """Return time, ready and running jobs, from 0 on; a row without counts (not known then) is left out."""
    known = [r for r in rows if r["ready"] not in (None, "") and r["running"] not in (None, "")]
    counts = sorted((_seconds(r), _number(r["ready"]), _number(r["running"])) for r in known)
    return [(t - counts[0][0], ready, running) for t, ready, running in counts]


def _arrivals(counts: Sequence[tuple[float, float, float]], payload: float) -> list[Job]:
    """Return jobs that explain the counts: what came = growth of all jobs + jobs that ended.

    Of the running jobs, the part that the time between two rows is of `payload` ended.
    """
    if not counts:
        return []
    first = int(counts[0][1] + counts[0][2])
    jobs = [Job(0.0, payload) for _ in range(first)]
    owed = 0.0
    for (t0, ready0, running0), (t1, ready1, running1) in pairwise(counts):
        ended = min(running0, running0 * (t1 - t0) / payload)
        owed += ready1 + running1 - ready0 - running0 + ended
        come = max(0, int(owed))
        owed -= come
        jobs.extend(Job(t0 + (i + 0.5) * (t1 - t0) / come, payload) for i in range(come))
    return jobs
