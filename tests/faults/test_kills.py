"""Kills at random, and exactly before and after each ledger write: nothing lost, nothing doubled."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from autopyfactory.accounting.protocol.accounts import Policy
from autopyfactory.control.client import ControlError
from factorybox import Box, Daemon, InProcess
from patience import PATIENCE, until
from testbed.errors import TestbedError
from testbed.pool import Pool

TARGET = 24
# Runs the factory until its nth durable commit, and ends it there as kill -9 does: before it, or after it.
DIES = """
import os, runpy, sys
from autopyfactory.accounting.ledger import Ledger
number, when = int(sys.argv.pop(1)), sys.argv.pop(1)
commit, seen = Ledger._commit, 0
def dies(self, requests, *, durable):
    global seen
    seen += durable
    if durable and seen == number and when == "before":
        os._exit(9)
    done = commit(self, requests, durable=durable)
    if durable and seen == number:
        os._exit(9)
    return done
Ledger._commit = dies
sys.argv[0] = "autopyfactory"
runpy.run_module("autopyfactory", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def box(tmp_path: Path, make_pool: Callable[..., Pool], request: pytest.FixtureRequest) -> Iterator[Box]:
    """A factory whose queue wants two pilots more in each cycle, so that kills hit submissions."""
    pool = make_pool(f"kills{abs(hash(request.node.name)) % 10000}")
    one = Box(tmp_path / "f", pool)
    one.queue(
        "q", sched__maxtorun__maximum=str(TARGET), sched__maxpercycle__maximum="2", apfqueue__sleep="0.05"
    )
    one.work({"q": 1000})
    yield one
    pool.stop()


def each_tag_is_one_cluster(box: Box) -> bool:
    clusters: dict[str, set[str]] = {}
    for tag, cluster in box.ads("ApfSubmission", "ClusterId"):
        clusters.setdefault(tag, set()).add(cluster)
    return all(len(found) == 1 for found in clusters.values())


def counted(box: Box) -> tuple[int] | None:
    """Return the number of pilots; None while the schedd does not answer."""
    try:
        return (box.pilots(),)
    except TestbedError:
        return None


def is_worker(process: psutil.Process) -> bool:
    """Say whether it talks to a schedd for the factory; one that has just ended does no more."""
    try:
        return "autopyfactory.condor.worker" in process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return False


@pytest.mark.timeout(1200)
def test_children_and_schedds_that_are_killed_at_random(box: Box) -> None:
    rng = random.Random(1)
    me = psutil.Process()
    with InProcess(box) as factory:
        factory.book.configure(Policy(under_way=5, apart=5, apart_without_history=10))
        for n in range(15):
            time.sleep(rng.uniform(0, 0.8))
            ours = [c for c in me.children() if is_worker(c)]
            if n % 5:
                if ours:  # else the last one has no successor yet
                    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
                        rng.choice(ours).kill()
            else:  # three times: its master starts it anew later each time
                os.kill(box.ap.pid_of("SCHEDD"), signal.SIGKILL)
            assert until(lambda: counted(box), "the schedd to answer")[0] <= TARGET
        until(lambda: counted(box) == (TARGET,), "all pilots")
        until(lambda: factory.book.open("q") == TARGET, "the book to know them")
        until(lambda: factory.book.standings()[0].balance.even, "balance")
        time.sleep(2)
    assert box.pilots() == TARGET
    assert each_tag_is_one_cluster(box)


@pytest.mark.timeout(1200)
def test_killed_exactly_before_and_after_ledger_writes(box: Box) -> None:
    for number in (1, 2, 3):
        for when in ("before", "after"):
            dying = subprocess.Popen(
                [
                    *(sys.executable, "-c", DIES, str(number), when, "--conf", ",".join(box.write())),
                    *("--log", str(box.folder / "dying.log")),
                ],
                env={**os.environ, **box.ap.exports},
                stdin=subprocess.DEVNULL,
            )
            assert dying.wait(PATIENCE) == 9, (number, when)
            assert box.pilots() <= TARGET
    daemon = Daemon(box)
    try:
        until(lambda: place(daemon)["open"] == TARGET, "all that is wanted to be in the book")
        until(lambda: box.pilots() == TARGET - 6, "all pilots but those of three intents without submission")
        time.sleep(3)
        assert (place(daemon)["open"], place(daemon)["unresolved"]) == (TARGET, 6)
    finally:
        daemon.terminate()
    assert box.pilots() == TARGET - 6, "these are written off minutes later, see tests/simulation"
    assert each_tag_is_one_cluster(box)


def place(daemon: Daemon) -> dict[str, Any]:
    """Return what the book says of the one place, once the daemon is up and there is one."""
    try:
        found = daemon.ask("places")["places"]
    except ControlError:  # not running, or still starting
        found = []
    return dict(found[0]) if found else {"open": None}


def test_a_ledger_that_is_older_than_the_pilots(box: Box) -> None:
    """A copy from before half of them were sent is put back: those are found, and none is sent again."""
    box.queue("q", sched__maxtorun__maximum="10")
    state, old = box.folder / "state", box.folder / "old"
    with InProcess(box):
        until(lambda: box.pilots() == 10, "10 pilots")
    shutil.copytree(state, old)
    box.queue("q", sched__maxtorun__maximum=str(TARGET))
    with InProcess(box):
        until(lambda: box.pilots() == TARGET, "all pilots")
    shutil.rmtree(state)
    old.rename(state)
    with InProcess(box) as factory:
        until(lambda: factory.book.open("q") == TARGET, "all of them in the book")
        time.sleep(3)
        assert box.pilots() == TARGET
        assert factory.book.standings()[0].foreign_age is None
