"""Writing goes on, or waits, whatever happens to the file."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.writer import LONGEST_NAME, RETRAIN, HistoryWriter
from autopyfactory.model.record import FactoryEvent, Sent
from autopyfactory.notify.delivery import BatchReporter
from contracts.records import T0, cycle, series
from patience import PATIENCE, until


def test_a_full_disk_costs_history_only_and_writing_goes_on_when_there_is_room(url: str, path: Path) -> None:
    """The limit is the kernel's own, on the size of files, and set for a process of its own."""
    program = f"""
import resource, signal, sys, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from contracts.records import T0, series
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.clock import SystemClock
from autopyfactory.notify.delivery import BatchReporter
class AtThatTime(SystemClock):
    def now(self): return T0
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
writer = HistoryWriter({url!r}, "f", clock=AtThatTime())
reporter = BatchReporter("history", writer.deliver, batch=100, attempts=None,
                         backoff=0.02, backoff_max=0.02, capacity=100000)
records = list(series("A", T0, 3000))
for r in records[:100]: reporter.report(r)
while reporter.status().delivered < 100: time.sleep(0.01)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
longest = 0.0
for r in records[100:]:
    began = time.monotonic(); reporter.report(r); longest = max(longest, time.monotonic() - began)
while reporter.status().failures < 5: time.sleep(0.01)
full = reporter.status()
assert full.failures >= 5 and full.delivered < 3000 and full.last_error, full
print(full.last_error)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert reporter.close(60), reporter.status()
after = reporter.status()
assert after.delivered == 3000 and after.lost == after.dropped == 0, after
print("longest report %.4f" % longest)
assert longest < 10  # a write that is tried again takes for ever
"""
    kit = Path(__file__).parents[2] / "kit"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(kit)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "disk" in done.stdout or "full" in done.stdout
    assert len(HistoryReader(url).last("A", 9999)) == 3000
    assert not list(path.parent.glob("*.broken-*"))


def test_a_folder_that_cannot_be_written_fails_and_recovers(url: str, path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file where the folder should be")
    writer = HistoryWriter(url, "f")
    with pytest.raises(OSError, match=r"exists|directory") as failed:
        writer.deliver([cycle()])
    assert failed.value.errno in (errno.EEXIST, errno.ENOTDIR)
    path.parent.unlink()
    writer.deliver([cycle()])
    writer.close()
    assert HistoryReader(url).queues() == ["BNL_MCORE-gk01"]


def test_a_file_that_vanishes_is_begun_anew(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle()])
    shutil.rmtree(path.parent)
    with pytest.raises((SQLAlchemyError, OSError)):
        writer.deliver([cycle(number=2)])
    writer.deliver([cycle(number=2)])
    writer.close()
    assert [s.record.number for s in HistoryReader(url).last("BNL_MCORE-gk01", 5)] == [2]


def test_another_process_that_holds_the_lock_delays_but_loses_nothing(
    url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autopyfactory.history.store.BUSY", 0.05)
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle()])
    reporter = BatchReporter("history", writer.deliver, attempts=None, backoff=0.01, backoff_max=0.01)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    reporter.report(cycle(number=2, at=T0 + timedelta(minutes=1)))
    until(lambda: reporter.status().failures > 2)
    assert "locked" in (reporter.status().last_error or "")
    blocker.execute("ROLLBACK")
    blocker.close()
    assert reporter.close(PATIENCE)
    assert len(HistoryReader(url).last("BNL_MCORE-gk01", 9)) == 2


MINUTE = timedelta(minutes=1)


def refusing(url: str, path: Path, kind: str) -> HistoryWriter:
    """Return a writer to a database that does not take events of `kind`, as a server refuses some texts."""
    writer = HistoryWriter(url, "f")
    writer.deliver([FactoryEvent("started", T0)])
    with sqlite3.connect(path) as db:
        db.execute(
            f"CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.kind = '{kind}'"
            " BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    return writer


def test_what_a_refused_event_undoes_leaves_no_record_that_cannot_be_read(url: str, path: Path) -> None:
    """A dictionary that was learnt in the transaction which failed is not in the database."""
    writer = refusing(url, path, "bad")
    records = list(series("A", T0, 40))  # the first ones of a history: a dictionary is learnt from them
    writer.deliver([*records, FactoryEvent("bad", T0)])
    assert writer.skipped == 1
    writer.deliver([cycle("A", 99, T0 + timedelta(days=1))])
    writer.close()
    assert [s.record for s in HistoryReader(url).last("A", 99)][:40] == records
    assert len(HistoryReader(url).last("A", 99)) == 41


def test_a_refused_event_is_counted_once_and_so_are_those_beside_it(url: str, path: Path) -> None:
    writer = refusing(url, path, "bad")
    unwritable = cycle(errors={"wms": object()})
    writer.deliver([unwritable, FactoryEvent("bad", T0), FactoryEvent("good", T0), cycle("B")])
    assert writer.skipped == 2
    reader = HistoryReader(url)
    assert [e.kind for e in reader.events(T0, T0 + MINUTE)] == ["started", "good"]
    assert reader.queues() == ["B"]
    writer.close()


@pytest.mark.parametrize(
    "bad",
    [
        cycle("BAD", at=datetime(2026, 1, 1)),  # noqa: DTZ001 - without its zone, on purpose
        FactoryEvent("k", datetime(2026, 1, 1)),  # noqa: DTZ001
        cycle("BAD", sent=(Sent("t", "s", "c", 2**70, "1"),)),  # more than a column holds
        cycle("B" * (LONGEST_NAME + 1)),
        FactoryEvent("k" * (LONGEST_NAME + 1), T0),
        FactoryEvent("k\0", T0),
        FactoryEvent("k", T0, facts={"x": b"bytes"}),  # type: ignore[dict-item]
        FactoryEvent("k", T0, facts={"\ud800": 1}),
    ],
)
def test_what_has_no_form_costs_itself_only_and_is_not_tried_for_ever(url: str, bad: object) -> None:
    reporter = BatchReporter(
        "history", (writer := HistoryWriter(url, "f")).deliver, attempts=None, backoff=0.01
    )
    for one in (cycle("A"), bad, cycle("A", 2, T0 + MINUTE)):
        reporter.report(one)  # type: ignore[arg-type]
    assert reporter.close(PATIENCE)
    assert reporter.status().failures == 0
    assert writer.skipped == 1
    reader = HistoryReader(url)
    assert [s.record.number for s in reader.last("A", 9)] == [1, 2]
    assert reader.queues() == ["A"]


def test_the_longest_name_is_kept_whole(url: str) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle("Q" * LONGEST_NAME), FactoryEvent("k", T0, queue="Q" * LONGEST_NAME)])
    assert writer.skipped == 0
    assert HistoryReader(url).queues() == ["Q" * LONGEST_NAME]


def test_a_cycle_of_the_same_moment_is_the_same_cycle_whatever_it_says(url: str) -> None:
    """A clock that was set back gives a moment twice: the first one stays, nothing fails."""
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle("A", 1)])
    writer.deliver([cycle("A", 2), cycle("B", 3), cycle("A", 4, T0 - MINUTE)])
    reader = HistoryReader(url)
    assert [s.record.number for s in reader.last("A", 9)] == [4, 1]
    assert [s.record.number for s in reader.last("B", 9)] == [3]


def test_the_first_records_of_a_history_are_compressed_with_what_they_taught(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver(list(series("A", T0, 20)))
    writer.close()
    writer = HistoryWriter(url, "f")  # the next life uses it again, and makes no other
    writer.deliver(list(series("B", T0, 20)))
    writer.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM dictionary").fetchone() == (1,)
        assert db.execute("SELECT DISTINCT dictionary_id FROM cycle").fetchall() == [(1,)]
    assert RETRAIN > 40


def test_a_database_for_reading_only_fails_and_loses_nothing(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle("A")])
    writer.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=DELETE")
    writer = HistoryWriter(url, "f")
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        if os.access(path, os.W_OK):  # as root nothing is for reading only
            return
        with pytest.raises((SQLAlchemyError, OSError), match=r"(?i)read-?only|denied|unable"):
            writer.deliver([cycle("A", 2, T0 + MINUTE)])
    finally:
        path.parent.chmod(0o700)
        path.chmod(0o600)
    writer.deliver([cycle("A", 2, T0 + MINUTE)])
    writer.close()
    assert [s.record.number for s in HistoryReader(url).last("A", 9)] == [1, 2]


def test_the_file_is_for_its_owner_only(url: str, path: Path) -> None:
    before = os.umask(0)
    try:
        writer = HistoryWriter(url, "f")
        writer.deliver([cycle()])
    finally:
        os.umask(before)
    for file in path.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file
    writer.close()
