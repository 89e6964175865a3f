"""The schedd or its collector hangs, dies, comes back empty, or lies: never a pilot too many."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopyfactory.factory.factory import Factory
from factorybox import Box, InProcess, last
from patience import until
from testbed.pool import Pool


@pytest.fixture
def box(tmp_path: Path, make_pool: Callable[..., Pool], request: pytest.FixtureRequest) -> Iterator[Box]:
    pool = make_pool(f"ap{abs(hash(request.node.name)) % 10000}")
    yield Box(tmp_path / "f", pool)
    pool.stop()


def settle(box: Box, factory: Factory, target: int) -> None:
    """Wait until all pilots are there and the factory is content."""
    until(lambda: box.pilots() >= target, f"{target} pilots")
    until(lambda: last(factory, "q1").startswith("nothing"), "a cycle that sends nothing")


def test_a_stopped_schedd_holds_back_and_recovery_is_quick(box: Box) -> None:
    box.queue("q1", sched__maxtorun__maximum="10")
    box.work({"q1": 10})
    with InProcess(box) as factory:
        settle(box, factory, 10)
        schedd = box.ap.pid_of("SCHEDD")
        os.kill(schedd, signal.SIGSTOP)
        try:
            box.work({"q1": 100})
            box.queue("q1", sched__maxtorun__maximum="30")
            until(lambda: "s old (maxage 6)" in last(factory, "q1"), "the queue to say that it waits")
            until(lambda: (r := factory.queues["q1"].last) and "batch" in r.errors, "the error of it")
        finally:
            os.kill(schedd, signal.SIGCONT)
        resumed = time.monotonic()
        until(lambda: not last(factory, "q1").startswith("held back"), "recovery")
        print(f"recovered {time.monotonic() - resumed:.2f} s after SIGCONT")
        time.sleep(2)
        assert box.pilots() == 10


def test_a_killed_schedd_comes_back_with_its_queue(box: Box) -> None:
    box.queue("q1", sched__maxtorun__maximum="12")
    box.work({"q1": 50})
    with InProcess(box) as factory:
        settle(box, factory, 12)
        os.kill(box.ap.pid_of("SCHEDD"), signal.SIGKILL)
        end = time.monotonic() + 12
        while time.monotonic() < end:
            record = factory.queues["q1"].last
            assert record is not None
            assert record.submitted == 0
            time.sleep(0.2)
        assert box.pilots() == 12
        until(lambda: last(factory, "q1").startswith("nothing"), "recovery")


def test_without_the_collector_no_pilot_too_many(box: Box) -> None:
    box.queue("q1", sched__maxtorun__maximum="8")
    box.work({"q1": 50})
    with InProcess(box) as factory:
        settle(box, factory, 8)
        os.kill(box.ap.pid_of("COLLECTOR"), signal.SIGSTOP)
        try:
            time.sleep(8)
            assert factory.queues["q1"].alive
        finally:
            os.kill(box.ap.pid_of("COLLECTOR"), signal.SIGCONT)
        time.sleep(3)
        assert box.pilots() == 8
