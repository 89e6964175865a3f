"""Sources on this machine - a file, a program, squeue - in every way they can go wrong."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from autopyfactory.plugins.wmsstatus.command import Command
from autopyfactory.plugins.wmsstatus.file import File
from autopyfactory.plugins.wmsstatus.slurm import Slurm
from patience import PATIENCE
from servers.context import context
from servers.queueworld import QueueWorld
from servers.sources import bound

GOOD = "A ready 5\n"
JOBS = '{"jobs": [{"job_id": 1, "partition": "A", "job_state": ["PENDING"], "state_reason": "Priority"}]}'


def held_back(world: QueueWorld, told: str, age: float = 100) -> None:
    """Check that the fault in force keeps the last answer, blocks once it is stale, and says why."""
    before = world.wms.state.snapshot
    world.clock.advance(age)
    assert not world.poll()
    assert told in world.trouble()
    assert world.wms.state.snapshot is before
    world.clock.advance(400)
    record = world.cycle()
    assert record.outcome == "held back"
    assert told in record.reason


def good(world: QueueWorld) -> None:
    assert world.poll(), world.trouble()
    assert not world.cycle().gate


def content_faults(valid: str) -> dict[str, tuple[bytes, str]]:
    return {
        "empty": (b"", "nothing in it" if valid == GOOD else "an empty answer"),
        "half written": (valid.encode()[: len(valid) // 2], "not" if valid == GOOD else "breaks off"),
        "html": (b"<html><body>Service unavailable</body></html>", "html"),
        "negative": (b'{"A": {"ready": -5}}' if valid == GOOD else b'{"jobs": -5}', "n"),
        "binary": (bytes(range(128, 256)), "codec can't decode" if valid == GOOD else "not UTF-8"),
    }


@pytest.mark.parametrize("fault", content_faults(GOOD))
def test_content_of_a_file(tmp_path: Path, fault: str) -> None:
    content, told = content_faults(GOOD)[fault]
    path = tmp_path / "work"
    path.write_text(GOOD)
    world = QueueWorld(tmp_path, bound(File, context("A"), wmsstatus__file__path=str(path)))
    good(world)
    path.write_bytes(content)
    held_back(world, told)
    path.write_text(GOOD)
    good(world)


def test_file_that_goes_away_or_is_no_longer_written(tmp_path: Path) -> None:
    path = tmp_path / "work"
    path.write_text(GOOD)
    world = QueueWorld(tmp_path, bound(File, context("A"), wmsstatus__file__path=str(path)))
    good(world)
    os.utime(path, (time.time() - 300,) * 2)
    assert world.poll()
    assert 299 < world.age() < 310, "the age of the file is the age of the answer"
    world.clock.advance(100)
    record = world.cycle()
    assert record.outcome == "held back", "a file of 400 s is too old, though it was read 100 s ago"
    os.utime(path, (time.time() - 500,) * 2)
    held_back(world, "s ago (maxage 360)")
    path.unlink()
    held_back(world, "No such file")
    path.write_text(GOOD)
    good(world)


def script(path: Path, body: str) -> None:
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(0o755)


PROGRAM = {
    "exit code": ("raise SystemExit('cannot connect')", "code 1: cannot connect"),
    "hang": ("import time; time.sleep(60)", "did not end within 4 s"),
    "hang after output": ("import time; print(text, flush=True); time.sleep(60)", "did not end within 4 s"),
    "slow bytes": (
        "import time\nwhile True: print('A', end='', flush=True); time.sleep(0.05)",
        "did not end within 4 s",
    ),
    "ignores signals": (
        "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; time.sleep(60)",
        "did not end within 4 s",
    ),
    "killed": ("import os; os.kill(os.getpid(), 9)", "signal 9"),
    "endless output": ("while True: print('A ready 1' * 100000)", "more than"),
}


@pytest.mark.parametrize("kind", ["Command", "Slurm"])
@pytest.mark.parametrize("fault", PROGRAM)
def test_program(tmp_path: Path, kind: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    body, told = PROGRAM[fault]
    timeout = "4" if "4 s" in told else str(PATIENCE)
    path = tmp_path / "program"
    text = GOOD if kind == "Command" else JOBS
    script(path, f"print({text!r})")
    if kind == "Command":
        plugin = bound(
            Command,
            context("A"),
            wmsstatus__command__command=str(path),
            wmsstatus__command__timeout=timeout,
        )
    else:
        monkeypatch.setattr("autopyfactory.plugins.wmsstatus.slurm.MAX_BYTES", 10_000_000)
        plugin = bound(
            Slurm, context("A"), wmsstatus__slurm__squeue=str(path), wmsstatus__slurm__timeout=timeout
        )
    world = QueueWorld(tmp_path, plugin)
    good(world)
    script(path, f"text = {text!r}\n{body}")
    held_back(world, told)
    path.unlink()
    held_back(world, "No such file")
    script(path, f"print({text!r})")
    good(world)


@pytest.mark.parametrize("fault", content_faults(JOBS))
def test_content_of_squeue(tmp_path: Path, fault: str) -> None:
    content, told = content_faults(JOBS)[fault]
    path = tmp_path / "squeue"
    script(path, f"print({JOBS!r})")
    world = QueueWorld(tmp_path, bound(Slurm, context("A"), wmsstatus__slurm__squeue=str(path)))
    good(world)
    script(path, f"import sys; sys.stdout.buffer.write({content!r})")
    held_back(world, told)
    script(path, f"print({JOBS!r})")
    good(world)
