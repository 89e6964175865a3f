"""The process that cleans: at once, again and again, what it says, and that it ends with its parent."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from autopyfactory.daemon.cleanchild import CleanLogs
from autopyfactory.daemon.cleanlogs import Retention
from patience import PATIENCE, until


def old(base: Path) -> Path:
    """Make a folder of pilots' logs that is years old."""
    folder = base / "2020-01-01/Q"
    folder.mkdir(parents=True)
    (folder / "1.0.log").write_text("x")
    for path in (folder / "1.0.log", folder):
        os.utime(path, (0, 0))
    return folder


def test_the_thread_cleans_at_once_and_again_and_stops(tmp_path: Path) -> None:
    first = old(tmp_path)
    seen = threading.Semaphore(0)

    def policy() -> Retention:
        seen.release()
        if first.exists():
            return Retention(tmp_path, 1)
        raise RuntimeError("a pass that fails is not the last")

    cleaner = CleanLogs(policy, interval=0.01)
    cleaner.start()
    assert all(seen.acquire(timeout=PATIENCE) for _ in range(4))
    assert not first.exists()
    cleaner.stop()
    until(lambda: "clean logs" not in {t.name for t in threading.enumerate()})


def test_a_stray_file_in_the_working_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (here / "psutil.py").write_text("raise SystemExit('somebody else has written this')\n")
    monkeypatch.chdir(here)
    gone = old(tmp_path)
    CleanLogs(lambda: Retention(tmp_path, 1)).clean()
    assert not gone.exists()


def test_what_a_pass_did_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old(tmp_path)
    (tmp_path / "2020-01-02").mkdir()
    with caplog.at_level(logging.INFO, "autopyfactory.cleanlogs"):
        CleanLogs(lambda: Retention(tmp_path, 1, {"a": 3}, notes=tmp_path / "no/such/notes")).clean()
    assert "removed 1 folders" in caplog.text
    assert "cannot be written" in caplog.text, "troubles come across too"


def test_without_anything_to_do_no_process_is_started(tmp_path: Path) -> None:
    CleanLogs(lambda: Retention(tmp_path), command=("/nonexistent",)).clean()


def test_a_process_that_fails_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    CleanLogs(
        lambda: Retention(tmp_path, 1),
        command=(sys.executable, "-c", "import sys; input(); sys.exit('no disk')"),
    ).clean()
    assert "no disk" in caplog.text


def test_a_pass_gives_way_and_ends_with_its_parent(tmp_path: Path) -> None:
    base = tmp_path / "2020-01-01"
    for n in range(40):
        folder = base / f"Q{n}"
        folder.mkdir(parents=True)
        for m in range(500):
            (folder / f"{m}.0.out").touch()
            os.utime(folder / f"{m}.0.out", (0, 0))
        os.utime(folder, (0, 0))
    with subprocess.Popen(
        (sys.executable, "-m", "autopyfactory.daemon.cleanchild"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as child:  # fmt: skip
        assert child.stdin is not None
        child.stdin.write(Retention(tmp_path, 1).to_json() + "\n")
        child.stdin.flush()
        until(lambda: not base.exists() or len(list(base.iterdir())) < 40)
        nice = os.getpriority(os.PRIO_PROCESS, child.pid) if child.poll() is None else 19
        child.stdin.close()
        began = time.monotonic()
        child.wait(PATIENCE)
    assert nice == 19
    assert child.returncode == 0
    assert time.monotonic() - began < PATIENCE


def test_a_retention_comes_across_whole(tmp_path: Path) -> None:
    one = Retention(tmp_path, 7, {"Q": 3}, tmp_path / "p", 2, 10**12, 10**7, tmp_path / "n")
    assert Retention.from_json(one.to_json()) == one
    assert Retention.from_json(Retention(tmp_path).to_json()) == Retention(tmp_path)
