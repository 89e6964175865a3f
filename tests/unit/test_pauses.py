"""Pauses survive restarts, end by wall time, and a damaged file never lets a paused queue send."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.external import atomicfile
from autopyfactory.pauses import ALL, Pause, PauseError, Pauses
from patience import PATIENCE, until

NOW = datetime(2026, 11, 22, 2, 14, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def look_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.pauses.LOOK", 0.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pauses.json"


def test_nothing_is_paused_at_first_and_no_file_is_made(path: Path) -> None:
    pauses = Pauses(path)
    assert pauses.get("A", NOW) is None
    assert pauses.all(NOW) == {}
    assert not path.exists()


def test_a_pause_survives_a_restart_and_ends_when_resumed(path: Path) -> None:
    pause = Pause("A", NOW, until=NOW + HOUR, reason="cooling works", by="alice")
    Pauses(path).set(pause)
    pauses = Pauses(path)
    assert pauses.get("A", NOW) == pause
    assert pauses.get("B", NOW) is None
    assert pauses.clear("A") == pause
    assert pauses.clear("A") is None
    assert Pauses(path).get("A", NOW) is None


def test_a_pause_ends_by_wall_time(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW, until=NOW + HOUR))
    assert pauses.get("A", NOW + HOUR - timedelta(seconds=1)) is not None
    assert pauses.get("A", NOW + HOUR) is None
    assert pauses.all(NOW + HOUR) == {}


def test_a_pause_without_an_end_stays(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW))
    assert pauses.get("A", NOW + 10000 * HOUR) is not None


def test_ended_pauses_leave_the_file_with_the_next_change(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW, until=datetime(2020, 1, 1, tzinfo=UTC)))
    pauses.set(Pause("B", NOW))
    assert [p["queue"] for p in json.loads(path.read_text())["pauses"]] == ["B"]


def test_all_queues_can_be_paused_and_a_queues_own_pause_comes_first(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause(ALL, NOW, reason="all"))
    pauses.set(Pause("A", NOW, "draining"))
    assert pauses.get("A", NOW) == Pause("A", NOW, "draining")
    assert pauses.get("B", NOW) == Pause(ALL, NOW, reason="all")
    pauses.clear(ALL)
    assert pauses.get("B", NOW) is None


def test_words() -> None:
    pause = Pause("A", NOW, until=NOW + HOUR, reason="cooling works", by="alice")
    assert pause.words == "paused by alice since 2026-11-22 02:14Z until 2026-11-22 03:14Z: cooling works"
    assert Pause("A", NOW, "draining").words == "draining since 2026-11-22 02:14Z until resumed"
    assert not pause.drains
    assert Pause("A", NOW, "draining").drains


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"pauses": 3}',
        '{"pauses": [{"queue": "A"}]}',
        '{"pauses": [{"queue": "A", "since": "yesterday"}]}',
        '{"pauses": [{"queue": "A", "since": "2026-11-22T02:14:00+00:00", "kind": "gone"}]}',
        "\xff\xfe",
    ],
)
def test_a_damaged_file_pauses_all_queues_and_is_kept(
    path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(text.encode("latin-1"))
    pause = Pauses(path).get("any")
    assert pause is not None
    assert pause.queue == ALL
    assert "cannot be read" in pause.reason
    (aside,) = path.parent.glob("pauses.json.broken-*")
    assert aside.read_bytes() == text.encode("latin-1")
    assert "resume --all" in caplog.text
    again = Pauses(path)  # also after the next restart
    assert again.get("any") is not None
    again.clear(ALL)
    assert Pauses(path).get("any") is None


def test_a_running_factory_keeps_its_pauses_when_the_file_is_spoilt(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW))
    path.write_text("oops")
    assert pauses.get("A", NOW) == Pause("A", NOW)
    assert pauses.get("B", NOW) is None
    assert Pauses(path).get("A", NOW) == Pause("A", NOW)
    assert len(list(path.parent.glob("pauses.json.broken-*"))) == 1


def test_what_another_process_writes_is_seen(path: Path) -> None:
    here, there = Pauses(path), Pauses(path)
    there.set(Pause("A", NOW))
    assert here.get("A", NOW) is not None
    here.set(Pause("B", NOW))
    assert set(there.all(NOW)) == {"A", "B"}


def test_a_file_that_is_gone_ends_no_pause_and_is_written_anew(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW))
    path.unlink()
    assert set(pauses.all(NOW)) == {"A"}
    assert set(Pauses(path).all(NOW)) == {"A"}


def test_a_folder_that_is_gone_ends_no_pause(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW))
    path.unlink()
    path.parent.rmdir()
    assert set(pauses.all(NOW)) == {"A"}
    assert set(pauses.all(NOW)) == {"A"}


def test_what_another_process_writes_is_seen_a_little_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autopyfactory.pauses.LOOK", 0.2)
    here, there = Pauses(path), Pauses(path)
    assert here.get("A", NOW) is None
    there.set(Pause("A", NOW))
    until(lambda: here.get("A", NOW) is not None)


def test_a_pause_that_cannot_be_kept_is_an_error_and_not_in_force(path: Path) -> None:
    path.parent.mkdir()
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW))
    before = path.read_text()
    path.unlink()
    path.mkdir()  # a name that no file can take
    (path / "x").touch()
    pauses_before = dict(pauses._pauses)
    with pytest.raises(PauseError, match="cannot be written"):
        Pauses._write(pauses, {**pauses_before, "B": Pause("B", NOW)})
    assert pauses._pauses == pauses_before
    assert "A" in before
    assert not list(path.parent.glob(".pauses*"))


def test_a_kill_at_any_moment_leaves_a_whole_file(path: Path) -> None:
    """A process that writes without pause is killed again and again; what is left always reads."""
    program = f"""
from datetime import datetime, UTC
from pathlib import Path
from autopyfactory.pauses import Pause, Pauses
pauses = Pauses(Path({str(path)!r}))
n = 0
while True:
    n += 1
    pauses.set(Pause("A", datetime.now(UTC), reason=str(n) + "x" * 5000))
"""
    for delay in (0.0, 0.003, 0.007, 0.011):
        process = subprocess.Popen([sys.executable, "-c", program])
        before = path.stat().st_mtime_ns if path.exists() else 0
        until(lambda before=before: path.exists() and path.stat().st_mtime_ns != before, every=0.005)
        time.sleep(delay)  # any moment will do
        os.kill(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
        found = Pauses(path).get("A")
        assert found is not None
        assert found.queue == "A"
    assert not list(path.parent.glob("*.broken-*"))


def test_a_file_that_cannot_be_opened_pauses_all_until_it_can(path: Path) -> None:
    Pauses(path).set(Pause("A", NOW))
    whole = path.read_bytes()
    path.unlink()
    path.mkdir()  # stands for any error of the disk: reading it raises OSError, also for root
    pauses = Pauses(path)
    assert pauses.get("B", NOW) is not None
    path.rmdir()
    path.write_bytes(whole)
    assert pauses.get("B", NOW) is None
    assert pauses.get("A", NOW) is not None


def test_a_running_factory_keeps_its_pauses_when_the_file_cannot_be_opened(path: Path) -> None:
    pauses = Pauses(path)
    pauses.set(Pause("A", NOW))
    path.unlink()
    path.mkdir()
    assert pauses.get("A", NOW) is not None
    assert pauses.get("B", NOW) is None


def test_a_disk_that_takes_long_to_write_delays_nobody_who_asks(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every queue asks in every cycle, and an order is on the disk before it is in force."""
    monkeypatch.setattr("autopyfactory.pauses.LOOK", 0.05)
    pauses = Pauses(path)
    pauses.watch()
    writing, go_on = threading.Event(), threading.Event()
    real = atomicfile.replace

    def slow(*args: Any, **kwargs: Any) -> None:
        writing.set()
        assert go_on.wait(PATIENCE)
        real(*args, **kwargs)

    monkeypatch.setattr(atomicfile, "replace", slow)
    order = threading.Thread(target=pauses.set, args=(Pause("q", datetime.now(UTC)),))
    order.start()
    try:
        assert writing.wait(PATIENCE)
        assert pauses.get("q") is None and pauses.get("other") is None
    finally:
        go_on.set()
        order.join(PATIENCE)
        pauses.stop()
    assert pauses.get("q") is not None


def test_a_watched_file_is_looked_at_by_a_thread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autopyfactory.pauses.LOOK", 0.05)
    pauses = Pauses(path)
    pauses.watch()
    try:
        Pauses(path).set(Pause("q", datetime.now(UTC)))
        until(lambda: pauses.get("q"), "the other's order to be seen")
    finally:
        pauses.stop()
