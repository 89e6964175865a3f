"""Pilots per scope: counted where a schedd answers, at most what was sent where it never did."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.factory.occupancy import Occupancy, Place
from autopyfactory.model.info import BatchQueueInfo, BatchStatus, Snapshot
from autopyfactory.sources.source import SourceState

NOW = datetime(2026, 11, 22, 2, tzinfo=UTC)


class Source:
    def __init__(self, status: BatchStatus | None = None):
        self.state = SourceState(Snapshot(status, NOW, 0.0) if status else None)


def place(ce: str, target: str, source: Source | None) -> Place:
    return Place(ce, target, source)  # type: ignore[arg-type]


def sent(ledger: Ledger, queue: str, target: str, n: int) -> None:
    ledger.confirm(ledger.intend(queue, target, n), "1", n)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    first = Ledger(tmp_path / "l.db")
    sent(first, "old", "down", 5)
    first.forget(first.intend("old", "down", 9))
    first.close()
    return Ledger(tmp_path / "l.db")


def test_a_schedd_that_never_answered_counts_with_what_was_sent_there(ledger: Ledger) -> None:
    occupancy = Occupancy(ledger)
    counted = BatchStatus({"good": BatchQueueInfo(running=3)})
    occupancy.settle("good", place("ce1", "up", Source(counted)))
    silent = Source()
    occupancy.settle("old", place("ce1", "down", silent))
    occupancy.settle("new", place("ce2", "down", silent))
    assert occupancy.active("factory") == 8
    assert occupancy.active("ce:ce1") == 8
    assert occupancy.active("ce:ce2") == 0
    sent(ledger, "new", "down", 2)
    ledger.intend("new", "down", 4)
    assert occupancy.active("ce:ce2") == 6
    assert occupancy.active("factory") == 14


def test_where_nobody_counts_the_number_is_unknown(ledger: Ledger) -> None:
    occupancy = Occupancy(ledger)
    occupancy.settle("blind", place("ce1", "up", None))
    assert occupancy.active("factory") is None
    assert occupancy.active("ce:ce1") is None
