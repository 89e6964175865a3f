"""Writing goes on, or waits, whatever happens to the file."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.notify.delivery import BatchReporter
from contracts.records import T0, cycle
from patience import PATIENCE, until


def test_a_full_disk_costs_history_only_and_writing_goes_on_when_there_is_room(url: str, path: Path) -> None:
    """The limit is the kernel's own, on the size of files, and set for a process of its own."""
    program = f"""
import resource, signal, sys, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from contracts.records import T0, series
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.notify.delivery import BatchReporter
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
reporter = BatchReporter("history", HistoryWriter({url!r}, "f").deliver, batch=100, attempts=None,
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
