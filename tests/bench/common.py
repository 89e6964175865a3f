"""What the benchmarks share: an access point full of pilots, the bare bindings beside it, timing, a table.

Import this first: it makes the test bed importable, and htcondor2 reads its configuration when it is
imported, so it may be only after `access_point` has set the environment.
"""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "misc"))

from rich import box as boxes
from rich.console import Console
from rich.table import Table

from autopyfactory.condor.quoting import attr
from autopyfactory.logs.setup import setup
from autopyfactory.model.text import count
from autopyfactory.plugins.base import Plugin, QueueContext
from autopyfactory.plugins.pilotgroup import GROUP, QUEUE, Group
from factorybox import Box
from testbed.pool import Pool

# The test bed's schedd is in a hurry; with 100,000 jobs that would keep it busy with itself.
SETTINGS = {
    "MAX_JOBS_PER_OWNER": "1000000",
    "GRIDMANAGER_MAX_SUBMITTED_JOBS_PER_RESOURCE": "1000000",  # all of them go to one CE
    "SCHEDD_INTERVAL": "300",
    "PERIODIC_EXPR_INTERVAL": "300",
    "SCHEDD_MIN_INTERVAL": "5",
}
# Where a pilot stands at its CE. With the queue these are what the schedd groups by: three rows per queue.
STAGES = (None, "PENDING", "RUNNING")
# Real pilots to a real kind of CE, held so that no gridmanager starts and looks for that CE.
PILOTS = {
    "batchsubmitplugin": "CondorCE",
    "batchsubmit__condorce__gridresource": "ce.grid.test",
    "batchsubmit__condorce__condor_attributes__hold": "True",
}
T = TypeVar("T")

FILL = 500  # pilots per submission when a queue is filled: nobody else waits for this schedd


def arguments(description: str | None) -> argparse.Namespace:
    """Parse the command line that every benchmark has."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it runs")
    return parser.parse_args()


@contextmanager
def access_point(*names: str, **settings: str) -> Iterator[tuple[Path, list[Pool]]]:
    """Run access points; yield a folder and the pools. The bindings of this process use the first.

    Logs are written below the folder, as a daemon does it.
    """
    with tempfile.TemporaryDirectory(prefix="apf-bench-") as directory:
        folder = Path(directory)
        book = setup(str(folder / "factory.log"), logging.INFO)
        book.keep_queue_logs(folder)
        book.start()
        pools = [Pool(folder / name, name, settings=SETTINGS | settings) for name in names]
        try:
            for pool in pools:
                pool.start()
            os.environ.update(pools[0].exports)
            yield folder, pools
        finally:
            for pool in pools:
                pool.close()
            book.close()


def plugin_of(box: Box, kind: str, queue: str = "") -> Plugin[Any]:
    """Return the plugin (`batchsubmit`, `batchstatus`, ...) of a queue as the factory would make it."""
    configuration = box.configuration()
    config = configuration.queues[queue or next(iter(box.queues))]
    choice = getattr(config, kind)
    context = QueueContext(config.name, config.options, configuration.factory)
    plugin: Plugin[Any] = choice.cls(choice.options, context)
    return plugin


# What the bindings say when a busy schedd refused a session: it had not begun on the request, so nothing was
# done, and it may be asked again. Our side does the same by itself, see condor/worker.py.
REFUSED = ("SECMAN:2007", "SECMAN:2004")
TRIES = 5


FEWEST = ("MATCH_APF_QUEUE", "JobStatus", "GridJobStatus")  # what numbers per queue are made from


class Bare:
    """The bindings as one would use them without a factory.

    A session that the schedd refuses is tried again and counted in `hiccups`: it is no reason to end an hour
    of measuring. `show` prints how many there were.
    """

    hiccups = 0

    def __init__(self, pool: Pool):
        import htcondor2

        self.htcondor2 = htcondor2
        found = htcondor2.Collector(pool.collector).locate(htcondor2.DaemonType.Schedd, pool.schedd)
        assert found is not None
        self.schedd = htcondor2.Schedd(found)

    def counts(self, factory: str, keys: Sequence[str] = FEWEST) -> list[Any]:
        """Ask the schedd for numbers of pilots by `keys`; what the constraint names must be among them."""
        names = [*keys, "ApfFactory"]
        rows: list[Any] = self._steady(
            lambda: self.schedd.query(
                f'ApfFactory == "{factory}"', names, opts=self.htcondor2.QueryOpt.GroupBy
            )
        )
        return rows

    def submit(self, description: Mapping[str, str], count: int) -> int:
        """Submit one cluster; return its number."""
        result = self._steady(
            lambda: self.schedd.submit(self.htcondor2.Submit(dict(description)), count=count)
        )
        # The bindings give back one reference to None too many per call; older Pythons do not survive that.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(None))
        return int(result.cluster())

    def remove(self, constraint: str) -> None:
        """Remove jobs."""
        self._steady(lambda: self.schedd.act(self.htcondor2.JobAction.Remove, constraint))

    def _steady(self, call: Callable[[], T]) -> T:
        """Return what `call` returns; one that was refused before it began is tried again."""
        for attempt in range(1, TRIES + 1):
            try:
                return call()
            except self.htcondor2.HTCondorException as err:
                if attempt == TRIES or not any(code in str(err) for code in REFUSED):
                    raise
                Bare.hiccups += 1
                say(f"the schedd refused a session, tried again: {err}")
        raise AssertionError("unreachable")


def fill(bare: Bare, box: Box, queues: Sequence[str], jobs: int) -> None:
    """Put `jobs` pilots of `queues` into the schedd: as many of each queue, spread over the stages."""
    each, rest = divmod(jobs, len(queues))
    assert not rest
    submit = plugin_of(box, "batchsubmit")
    began = time.perf_counter()
    submit.submit(1, "first", 60)  # makes the folder for the logs  # type: ignore[attr-defined]
    bare.remove('ApfSubmission == "first"')
    description = dict(submit.describe("filling"))  # type: ignore[attr-defined]
    tags = map("filling{}".format, range(jobs))  # one tag is one cluster, as when a factory sends
    for queue, (i, stage) in product(queues, enumerate(STAGES)):
        left = (each + i) // len(STAGES)
        mine = description | {f"+{QUEUE}": attr(queue), f"+{GROUP}": attr(str(Group(queue, "", True, "")))}
        if stage:
            mine["+GridJobStatus"] = f'"{stage}"'
        while left > 0:
            bare.submit(mine | {"+ApfSubmission": f'"{next(tags)}"'}, min(left, FILL))
            left -= FILL
    os.sync()  # or what the schedd has just written would slow down the first that is measured
    say(f"{jobs} pilots of {len(queues)} queues put into the schedd in {time.perf_counter() - began:.0f} s")


def seconds(call: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


@dataclass(frozen=True)
class Pairs:
    """Wall times of two ways to do the same, taken in turns so that both met the same machine."""

    ours: tuple[float, ...]
    bare: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """The median of ours / bare over the pairs: what disturbs both of a pair does not matter."""
        return statistics.median(a / b for a, b in zip(self.ours, self.bare, strict=True))

    def cells(self) -> tuple[str, str, str]:
        """Return ours, bare and the ratio as text."""
        mine, theirs = (statistics.median(column) * 1e3 for column in (self.ours, self.bare))
        return f"{mine:.1f}", f"{theirs:.1f}", f"{self.ratio:.2f}"


def compare(ours: Callable[[], object], bare: Callable[[], object], times: int) -> Pairs:
    """Time both in turns, after one round that does not count; nor does a pair with a refused session."""
    ours(), bare()
    mine, theirs, refused = [], [], 0
    while len(mine) < times:
        before = Bare.hiccups
        pair = [seconds(call) for call in ((bare, ours) if len(mine) % 2 else (ours, bare))]
        if Bare.hiccups != before and refused < times:
            refused += 1
            continue
        if len(mine) % 2:
            pair.reverse()
        mine.append(pair[0])
        theirs.append(pair[1])
    if refused:
        say(f"{count(refused, 'pair')} measured again: a session was refused in them")
    return Pairs(tuple(mine), tuple(theirs))


def verdict(value: float, goal: float) -> str:
    """Return whether `value` is within `goal`."""
    return "met" if value <= goal else "missed"


def say(text: str) -> None:
    """Print a remark."""
    print(text, flush=True)


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that is also Markdown."""
    table = Table(box=boxes.MARKDOWN)
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    say(f"\n{title} ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]})")
    Console(width=160).print(table)
    say(f"sessions that the schedd refused and that were tried again: {Bare.hiccups}")
