"""The history on SQLite: the contract, and what can happen to a file."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.history import HistoryError, HistoryReader, HistoryWriter
from autopyfactory.history.store import default_url, parse, shown
from autopyfactory.notify.delivery import BatchReporter
from contracts.history import HistoryContract, SetClock, raw
from contracts.records import T0, cycle, series


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "history.db"


@pytest.fixture
def url(path: Path) -> str:
    return default_url(path.parent)


class TestSqlite(HistoryContract):
    """The contract."""


def wait_for(true: object, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.01)


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
    wait_for(lambda: reporter.status().delivered == 1)
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
    wait_for(lambda: reporter.status().delivered == 50)
    assert reporter.close()
    assert len(list(path.parent.glob("history.db.broken-*"))) == 1
    assert len(HistoryReader(url).last("A", 999)) == 50


def test_a_full_disk_costs_history_only_and_writing_goes_on_when_there_is_room(url: str, path: Path) -> None:
    """The limit is the kernel's own, on the size of files, and set for a process of its own."""
    program = f"""
import resource, signal, sys, time
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from contracts.records import T0, series
from autopyfactory.history import HistoryWriter
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
end = time.monotonic() + 20
while reporter.status().failures < 5 and time.monotonic() < end: time.sleep(0.01)
full = reporter.status()
assert full.failures >= 5 and full.delivered < 3000 and not full.healthy, full
print(full.last_error)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert reporter.close(20), reporter.status()
after = reporter.status()
assert after.delivered == 3000 and after.lost == after.dropped == 0, after
print("longest report %.4f" % longest)
assert longest < 0.2
"""
    tests = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        timeout=90,
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
    wait_for(lambda: reporter.status().failures > 2)
    assert "locked" in (reporter.status().last_error or "")
    blocker.execute("ROLLBACK")
    blocker.close()
    assert reporter.close(10)
    assert len(HistoryReader(url).last("BNL_MCORE-gk01", 9)) == 2


def test_its_size_is_bounded(url: str, path: Path) -> None:
    clock = SetClock(T0)
    writer = HistoryWriter(url, "f", max_bytes=600_000, clock=clock)
    for hour in range(60):
        clock.wall = T0 + timedelta(hours=hour)
        writer.deliver(list(series("A", clock.wall, 240, every=10, seed=hour)))
    writer.close()
    assert path.stat().st_size < 1_000_000
    kept = HistoryReader(url).last("A", 99999)
    assert 1000 < len(kept) < 6000
    assert kept[-1].record.started >= T0 + timedelta(hours=59)  # the oldest went, not the newest
    times = [s.record.started for s in kept]
    assert times == sorted(times)


def test_space_of_thinned_cycles_is_given_back(url: str, path: Path) -> None:
    clock = SetClock(T0 + timedelta(days=1))
    writer = HistoryWriter(url, "f", clock=clock)
    writer.deliver(list(series("A", T0, 6000, every=10)))
    before = raw(url, "PRAGMA page_count")
    clock.wall = T0 + timedelta(days=20)
    writer.deliver([cycle("A", at=clock.wall)])
    writer.close()
    after = raw(url, "PRAGMA page_count")
    assert isinstance(before, int)
    assert isinstance(after, int)
    assert after < before / 4


def test_another_user_can_read_it_when_no_factory_runs(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle()])
    writer.close()
    assert not path.with_name("history.db-wal").exists()
    path.parent.chmod(0o555)
    path.chmod(0o444)
    try:
        program = (
            "from autopyfactory.history import HistoryReader;"
            f"print(len(HistoryReader({url!r}).last('BNL_MCORE-gk01', 5)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
    finally:
        path.parent.chmod(0o755)


def test_without_a_history_the_reader_says_so(url: str, path: Path) -> None:
    with pytest.raises(HistoryError, match=r"no history yet: .*history\.db does not exist"):
        HistoryReader(url)
    assert not path.exists()


@pytest.mark.parametrize("bad", ["", "nonsense", "mysql://host/db", "sqlite://", "sqlite:///:memory:"])
def test_other_databases_are_refused(bad: str) -> None:
    with pytest.raises(HistoryError, match=r"history\.url"):
        parse(bad)


def test_a_password_is_never_shown() -> None:
    assert "secret" not in shown(parse("postgresql://factory:secret@db.example.org/history"))


def test_a_truncated_row_is_an_error_not_a_wrong_answer(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver(list(series("A", T0, 3)))
    writer.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE cycle SET detail = substr(detail, 1, length(detail) / 2) WHERE id = 2")
    with pytest.raises(HistoryError, match="cannot be read"):
        HistoryReader(url).last("A", 5)
