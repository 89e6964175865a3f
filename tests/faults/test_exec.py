"""Pilots that are processes survive the factory: kill -9 loses none, doubles none, and forgets no end."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.control.client import ControlError
from autopyfactory.plugins.processes import pilots
from factorybox import Box, Daemon
from patience import until
from testbed.pool import Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

WANTED = 30
# each leaves a process of its own session behind, which carries the pilot's names
SCRIPT = """#!/bin/sh
setsid sleep 1000 </dev/null >/dev/null 2>&1 &
while [ ! -e {stop} ]; do sleep 0.2; done
echo done
"""


@pytest.fixture
def box(tmp_path: Path, make_pool: Callable[..., Pool]) -> Iterator[Box]:
    one = Box(tmp_path / "f", make_pool("exec", start=False), "exec-kills")
    one.factory_options |= {"batchstatus.exec.sleep": "0.5", "book.underway": "30", "book.apart": "60"}
    script = one.folder / "pilot.sh"
    script.write_text(SCRIPT.format(stop=one.folder / "stop"))
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
            os.kill(pilot.pid, signal.SIGKILL)


def started(box: Box) -> int:
    return len(list((box.folder / "pilots").glob("*/q1/*.out")))


def test_killed_again_and_again_it_adopts_what_runs(box: Box) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    lives = 0
    while lives < 8:
        (box.folder / "state/control.sock").unlink(missing_ok=True)
        daemon = Daemon(box)
        lives += 1
        until(lambda d=daemon: d.socket.exists() or d.process.poll() is not None, "the factory")
        time.sleep(rng.uniform(0.3, 2.5))
        daemon.kill()
        assert started(box) <= WANTED
    (box.folder / "state/control.sock").unlink(missing_ok=True)
    daemon = Daemon(box)
    try:

        def seen() -> tuple[int, int]:
            try:
                (row,) = daemon.ask("status")["queues"]
            except ControlError:  # it is still starting, or not even that
                return -1, -1
            return (row["running"], row["pending"]) if row["running"] is not None else (-1, -1)

        until(lambda: daemon.socket.exists(), "the factory")
        # what was written down and never started counts until it was looked for twice, a minute apart
        until(lambda: sum(seen()) == WANTED, "all of them counted", 0.5)
        until(lambda: seen() == (WANTED, 0), "all of them, and no other", 0.5)
        assert started(box) == WANTED, "none was doubled"
        box.work({"q1": 0})
        (box.folder / "stop").touch()
        until(lambda: seen() == (0, 0), "their ends, whatever they left behind", 0.5)
        outputs = [f.read_text() for f in (box.folder / "pilots").glob("*/q1/*.out")]
        assert outputs == ["done\n"] * WANTED
    finally:
        daemon.terminate()
