"""Grouped counts of a schedd become pilots per queue, each in one place."""

from __future__ import annotations

from autopyfactory.config.jobstates import CONDOR_BATCH, Mapping
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.batchstatus.condor import summarize


def row(queue: str | None, status: int, grid: str | None, count: int) -> dict[str, object]:
    return {"MATCH_APF_QUEUE": queue, "JobStatus": status, "GridJobStatus": grid, "JobCount": count}


def test_each_pilot_is_counted_in_its_queue_and_state() -> None:
    rows = [
        row("A", 1, None, 2),
        row("A", 1, "PENDING", 3),
        row("A", 1, "UNKNOWN", 1),
        row("A", 5, "HELD", 4),
        row("A", 2, "RUNNING", 7),
        row("B", 2, None, 5),
        row(None, 2, None, 100),  # somebody else's
    ]
    status = summarize(rows, Mapping.load(CONDOR_BATCH))
    assert status.queues == {
        "A": BatchQueueInfo(pending=10, running=7, unsubmitted=2, waiting=4, held=4),
        "B": BatchQueueInfo(running=5),
    }
    assert status.active == 22
    assert status.queue("C") == BatchQueueInfo()


def test_no_rows_are_no_pilots() -> None:
    status = summarize([], Mapping.load(CONDOR_BATCH))
    assert (dict(status.queues), status.active) == ({}, 0)
