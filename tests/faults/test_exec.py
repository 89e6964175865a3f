"""Pilots that are processes survive the factory: kill -9 loses none, doubles none, and forgets no end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.control.client import ControlError
from autopyfactory.plugins.processes import pilots
from factorybox import Box, Daemon
from patience import PATIENCE, until
from testbed.pool import Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

WANTED = 30
# Each says that it ran, and leaves a process of its own session behind, which carries the pilot's names.
SCRIPT = """#!/bin/sh
: > {folder}/ran/$APFCID
setsid sleep 1000 </dev/null >/dev/null 2>&1 &
while [ ! -e {folder}/stop ]; do sleep 0.2; done
echo done
"""
# Kills the factory just before or after it starts its n-th pilot: KILL_AT = n:before or n:after.
KILLER = """
import os, subprocess

number, _, when = os.environ.get("KILL_AT", "0").partition(":")
left = int(number)
start = subprocess.Popen.__init__


def killed(child, *args, **options):
    global left
    pilot = "APF_SUBMISSION" in (options.get("env") or {})
    left -= pilot
    if pilot and not left and when == "before":
        os.kill(os.getpid(), 9)
    start(child, *args, **options)
    if pilot and not left and when == "after":
        os.kill(os.getpid(), 9)


if left:
    subprocess.Popen.__init__ = killed
"""


@pytest.fixture
def box(tmp_path: Path, make_pool: Callable[..., Pool]) -> Iterator[Box]:
    one = Box(tmp_path / "f", make_pool("exec", start=False), "exec-kills")
    one.factory_options |= {"batchstatus.exec.sleep": "0.5", "book.underway": "30", "book.apart": "60"}
    (one.folder / "ran").mkdir()
    script = one.folder / "pilot.sh"
    script.write_text(SCRIPT.format(folder=one.folder))
    script.chmod(0o755)
    one.queue(
        "q1",
        batchstatusplugin="Exec",
        batchsubmitplugin="Exec",
        apfqueue__sleep="0.1",
        executable=str(script),
        sched__maxtorun__maximum=str(WANTED),
        sched__maxpercycle__maximum="2",
    )
    one.work({"q1": 1000})
    yield one
    for pilot in pilots():
        if pilot.factory == one.name:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pilot.pid, signal.SIGKILL)


def ran(box: Box) -> list[str]:
    """Return the pilots that ran. Their logs do not tell: they are made before the process is."""
    return sorted(f.name for f in (box.folder / "ran").iterdir())


def new_life(box: Box) -> Daemon:
    (box.folder / "state/control.sock").unlink(missing_ok=True)
    return Daemon(box)


def adopts_what_runs(box: Box) -> None:
    """Start the factory once more: it has as many as it wants, counts each, and learns of their ends."""
    daemon = new_life(box)

    def row() -> dict[str, Any]:
        try:
            (found,) = daemon.ask("status")["queues"]
        except ControlError:  # it is still starting, or not even that
            return {}
        return dict(found)

    def counted() -> bool:
        seen = row()
        # Those of which nobody knows whether they were started are pending: for minutes, if they were not.
        return seen.get("running") == len(ran(box)) and seen["running"] + seen["pending"] == WANTED

    def ended() -> bool:
        return row().get("running") == 0

    try:
        until(lambda: daemon.socket.exists(), "the factory")
        until(counted, "all of them, and no other", 0.5)
        box.work({"q1": 0})
        until(lambda: row().get("ready") == 0, "no more work", 0.2)
        assert len(ran(box)) <= WANTED, "none was doubled"
        (box.folder / "stop").touch()
        until(ended, "their ends, whatever they left behind", 0.5)
        logs = [next((box.folder / "pilots").glob(f"*/q1/{cid}.out")) for cid in ran(box)]
        assert [log.read_text() for log in logs] == ["done\n"] * len(ran(box))
        assert len(ran(box)) <= WANTED
    finally:
        daemon.terminate()


def test_killed_again_and_again_it_adopts_what_runs(box: Box) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(8):
        daemon = new_life(box)
        until(lambda d=daemon: d.socket.exists() or d.process.poll() is not None, "the factory")
        time.sleep(rng.uniform(0.3, 2.5))
        daemon.kill()
        assert len(ran(box)) <= WANTED
    adopts_what_runs(box)


def test_killed_just_before_and_after_a_start_it_adopts_what_runs(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two pilots in each submission: none of them, one or both are there when the factory dies."""
    (box.folder / "sitecustomize.py").write_text(KILLER)
    monkeypatch.setenv("PYTHONPATH", str(box.folder))
    for at in ("1:before", "1:after", "2:before", "2:before", "2:after", "3:before", "3:after", "4:before"):
        monkeypatch.setenv("KILL_AT", at)
        daemon = new_life(box)
        assert daemon.process.wait(PATIENCE) == -signal.SIGKILL
        assert len(ran(box)) <= WANTED
    monkeypatch.delenv("KILL_AT")
    adopts_what_runs(box)
