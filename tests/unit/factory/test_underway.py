"""Of which queues the book can tell who lives."""

from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.factory.underway import underway
from autopyfactory.model.clock import SystemClock

NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


def sent(queue: str, cluster: str, alive: int, at: float) -> Batch:
    return Batch(
        cluster, queue, "schedd", "ce", 1, intended=at, mark="m", state="sent" if alive else "closed",
        cluster=cluster, members=1, alive=alive,
    )  # fmt: skip


def test_a_new_book_can_tell_nothing_of_a_queue_before_it_has_sent_or_taken_over(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    book = Bookkeeper(ledger, SystemClock())
    try:
        assert underway(book, ["q", "r"], NOW) == {"q": {""}, "r": {""}}
        with book._lock:
            lines = book._accounts.book
            lines.load(sent("q", "1", 1, NOW.timestamp() - 86400))
            lines.load(sent("adopted", "2", 1, 0.0))
            lines.load(sent("today", "3", 1, NOW.timestamp()))
            lines.sent["idle"] = 5
        found = underway(book, ["q", "r", "adopted", "today", "idle"], NOW)
        assert found == {"q": {"1"}, "r": {""}, "adopted": {"2"}}
    finally:
        book.close()
        ledger.close()
