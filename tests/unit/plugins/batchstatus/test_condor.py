"""Grouped counts of a schedd become pilots per queue, each in one place."""

from __future__ import annotations

from autopyfactory.config.jobstates import CONDOR_BATCH, Mapping
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.batchstatus.condor import summarize


def test_each_pilot_is_counted_in_its_queue_and_state() -> None:
    rows = [
        ("A", 1, 9, None, "m", 2),
        ("A", 1, 9, "PENDING", "m", 3),
        ("A", 1, 9, "UNKNOWN", "m", 1),
        ("A", 5, 9, "HELD", None, 4),
        ("A", 2, 9, "RUNNING", "m", 7),
        ("A", 3, 9, "RUNNING", "m", 1),  # removed, and perhaps not gone from its CE
        ("A", 4, 9, None, "x", 9),
        ("B", 2, 9, None, "x", 5),
        ("L", 1, 5, None, "m", 6),  # waits for a slot of the schedd's own pool, not for a CE
        (None, 2, 9, None, "m", 100),  # somebody else's
    ]
    status = summarize(rows, Mapping.load(CONDOR_BATCH), "m", "home")
    assert status.queues == {
        "A": BatchQueueInfo(pending=11, running=7, unsubmitted=2, waiting=4, held=4, leaving=1, done=9),
        "B": BatchQueueInfo(running=5),
        "L": BatchQueueInfo(pending=6, waiting=6),
    }
    assert (dict(status.others), status.identity) == ({"A": 4, "B": 5}, "home")
    assert (status.active, status.queue("A").shown) == (29, 18)
    assert status.queue("C") == BatchQueueInfo()


def test_no_rows_are_no_pilots() -> None:
    status = summarize([], Mapping.load(CONDOR_BATCH))
    assert (dict(status.queues), status.active) == ({}, 0)
