"""The history on SQLite: the contract, and what can happen to a file."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.store import parse, shown
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.notify.delivery import BatchReporter
from contracts.history import HistoryContract, raw
from contracts.records import T0, cycle, series
from patience import until


class TestSqlite(HistoryContract):
    """The contract."""


def test_it_uses_a_write_ahead_log(url: str) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle()])
    assert raw(url, "PRAGMA journal_mode") == "wal"
    assert raw(url, "PRAGMA auto_vacuum") == 2
    writer.close()


def test_a_damaged_file_is_moved_aside_and_a_new_one_begun(url: str, path: Path) -> None:
    path.write_bytes(b"this is no database, but it is long enough to be looked at" * 100)
    reporter = BatchReporter("history", HistoryWriter(url, "f").deliver, backoff=0.01)
    reporter.report(cycle())
    until(lambda: reporter.status().delivered == 1)
    reporter.close()
    (aside,) = path.parent.glob("history.db.broken-*")
    assert aside.read_bytes().startswith(b"this is no database")
    assert [s.record for s in HistoryReader(url).last("BNL_MCORE-gk01", 5)] == [cycle()]


def test_a_file_damaged_in_the_middle_is_moved_aside_too(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver(list(series("A", T0, 2000)))
    writer.close()
    with path.open("r+b") as f:
        size = f.seek(0, 2)
        f.seek(4096)
        f.write(os.urandom(size - 4096))
    writer = HistoryWriter(url, "f")
    reporter = BatchReporter("history", writer.deliver, backoff=0.01)
    for r in series("A", T0 + timedelta(days=3), 50):
        reporter.report(r)
    until(lambda: reporter.status().delivered == 50)
    assert reporter.close()
    assert len(list(path.parent.glob("history.db.broken-*"))) == 1
    assert len(HistoryReader(url).last("A", 999)) == 50


@pytest.mark.parametrize("bad", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(bad: str) -> None:
    with pytest.raises(HistoryError, match=r"history\.url"):
        parse(bad)


def test_a_password_is_never_shown() -> None:
    assert "secret" not in shown(parse("postgresql://factory:secret@db.example.org/history"))
