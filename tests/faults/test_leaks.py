"""What a factory holds is the same before and after: threads, descriptors, children and memory."""

from __future__ import annotations

import gc
import logging
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from autopyfactory.factory.factory import Factory
from autopyfactory.plugins.batchstatus.condor import Condor
from autopyfactory.plugins.sched.maxtorun import MaxToRun
from factorybox import Box, InProcess
from held import as_before, calm
from patience import until
from testbed.pool import Pool

WARM, ROUNDS, TIMES = 20, 40, 3
PER_ROUND = 6000  # bytes of Python objects: less than what a configuration of one queue takes


@pytest.fixture
def box(tmp_path: Path, ap: Pool, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A factory of this test's own on the module's access point."""
    name = f"k-{abs(hash(request.node.name)) % 10**9}"
    yield Box(tmp_path / "f", ap, name)
    ap.run_client("condor_rm", "-const", f'ApfFactory == "{name}"', check=False)


def memory() -> int:
    """Return the bytes that Python objects take."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def refused(box: Box, factory: Factory, n: int) -> None:
    """A reload with a wrong number."""
    box.queue("new", apfqueue__sleep=f"0.{n % 90 + 10}")
    box.queue("q", sched__maxtorun__maximum="many")
    assert not factory.reload().applied


def raising(box: Box, factory: Factory, n: int) -> None:
    """A reload with a queue whose rule cannot be made."""
    box.queue("bad", sched__maxtorun__maximum="3", apfqueue__sleep=f"0.{n % 90 + 10}")
    assert factory.reload().applied
    assert "no such rule today" in factory.failures["bad"].text


def replacing(box: Box, factory: Factory, n: int) -> None:
    """A reload that replaces a queue and the source of its counts."""
    box.queue("q", sched__maxtorun__maximum="2", apfqueue__sleep=f"0.{n % 90 + 10}")
    box.factory_options["batchstatus.condor.sleep"] = f"1.{n % 90 + 10}"
    assert factory.reload().applied


def lying(box: Box, factory: Factory, n: int) -> None:
    """Counts that the book does not believe."""
    fetch = Condor.fetch

    def raises(plugin: Any) -> Any:
        raise ValueError(f"a lie {n}")

    with patch.object(Condor, "fetch", raises if n % 2 else fetch):
        for target in factory.sources.places():
            factory.sources.refresh(target)
        time.sleep(0.1)


@pytest.mark.parametrize("round_", [refused, raising, replacing, lying])
def test_nothing_is_left_behind(
    box: Box, monkeypatch: pytest.MonkeyPatch, round_: Callable[[Box, Factory, int], None]
) -> None:
    init = MaxToRun.__init__

    def fails(self: MaxToRun, options: Any, context: Any) -> None:
        if context.queue == "bad":
            raise ValueError("no such rule today")
        init(self, options, context)

    monkeypatch.setattr(MaxToRun, "__init__", fails)
    box.queue("q", sched__maxtorun__maximum="2")
    box.work({"q": 100})
    logging.disable(logging.ERROR)  # what pytest keeps of each line is no leak of ours
    tracemalloc.start()
    try:
        with InProcess(box) as factory:
            until(lambda: box.pilots("q") == 2, "pilots")
            for n in range(WARM):
                round_(box, factory, n)
            before, grown = calm(), []
            # A leak grows each time; what is loaded once, by any thread of this process, does not.
            while len(grown) < TIMES and (not grown or grown[-1] >= PER_ROUND):
                bytes_before = memory()
                for n in range(ROUNDS):
                    round_(box, factory, n)
                as_before(before)
                grown.append((memory() - bytes_before) / ROUNDS)
            print(f"{round_.__name__}: {grown[-1]:.0f} bytes per round")
            assert grown[-1] < PER_ROUND, grown
            assert box.pilots("q") == 2
    finally:
        tracemalloc.stop()
        logging.disable(logging.NOTSET)
