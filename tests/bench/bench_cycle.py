"""What it costs to run all queues once, against one bare query and the bare submissions alone.

    bin/as-user .venv/bin/python tests/bench/bench_cycle.py [--quick]

A whole factory runs here, with its ledger (an fsync per submission), logs of all queues and history. A round
is a refresh of both sources and one cycle of every queue, all woken at the same moment; some queues, others
each time, want five pilots. What is written to the history later is waited for before the bare calls are
timed. With `MaxPerFactory` each cycle also needs the sum over all queues.
"""

import random
import re
import statistics
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import common
from common import Bare, Box

from autopyfactory.daemon.memory import settle
from autopyfactory.factory.factory import Factory
from autopyfactory.model.record import CycleRecord, Event
from factorybox import CHAIN, InProcess
from testbed.waiting import until

GOAL = 1.3
PILOTS = 5
FULL = {"queues": 1000, "jobs": 100_000, "wanting": 50, "rounds": 15}
QUICK = {"queues": 40, "jobs": 200, "wanting": 4, "rounds": 2}
CHAINS = (CHAIN, f"{CHAIN}, MaxPerFactory")
FOR_EVER = "86400"


class Rounds:
    """Makes a running factory do one round at a time."""

    def __init__(self, box: Box, factory: Factory, pending: dict[str, int], wanting: int):
        self.box, self.factory, self.pending, self.wanting = box, factory, pending, wanting
        self.random = random.Random(1)
        self.refreshed: list[float] = []
        self.cpu: list[float] = []
        self._due: set[str] = set()  # queues whose cycle of this round has not ended
        self._sent = 0
        self._changed = threading.Condition()
        self._refreshed_at = datetime.now(UTC)
        until(lambda: all(q.last for q in factory.queues.values()), 120, "each queue's first cycle")
        factory.reporting.listeners.append(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, CycleRecord):
            with self._changed:
                self._sent += event.submitted
                if event.started >= self._refreshed_at:  # one before may have seen half of the refresh
                    self._due.discard(event.queue)
                if not self._due:  # else who measures would get up a thousand times in a round
                    self._changed.notify()

    def _wait(self) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: not self._due, 120)

    def prepare(self) -> None:
        """Let other queues have work now."""
        chosen = self.random.sample(sorted(self.pending), self.wanting)
        self.box.work({q: self.pending[q] + PILOTS if q in chosen else 0 for q in self.pending})
        for queue in chosen:
            self.pending[queue] += PILOTS
        with self._changed:
            self._due, self._sent = set(self.pending), 0
            self._refreshed_at = datetime.max.replace(tzinfo=UTC)

    def run(self) -> None:
        """Do one round."""
        begun, cpu = time.perf_counter(), time.process_time()
        for source in self.factory.sources.all():
            assert source.poll(), source.state.trouble
        self.refreshed.append(time.perf_counter() - begun)
        with self._changed:
            self._refreshed_at = datetime.now(UTC)
        for queue in self.factory.queues.values():
            queue.wake()
        assert self._wait(), "not all queues ran"
        self.cpu.append(time.process_time() - cpu)
        assert self._sent == PILOTS * self.wanting, f"{self._sent} pilots were sent: {self._said()}"

    def told(self) -> bool:
        """Return whether all that was done is in the history."""
        return not any(one.status().queued for one in self.factory.reporting.reporters())

    def _said(self) -> Counter[str]:
        """Return what the last cycles said, without their numbers, and how many queues said each."""
        said = (f"{q.last.outcome}: {q.last.reason}" for q in self.factory.queues.values() if q.last)
        return Counter(re.sub("[0-9]+", "N", text) for text in said)


def configure(folder: Path, pool: common.Pool, chain: str, size: dict[str, int]) -> Box:
    """Return a factory with all its queues; nothing happens in it by itself but the first cycles."""
    box = Box(folder, pool, "bench")
    box.factory_options |= {
        "batchstatus.condor.sleep": FOR_EVER,
        "batchstatus.condor.maxage": FOR_EVER,
        "batchstatus.condor.timeout": "60",
        "maxperfactory.maximum": "1000000",
    }
    for i in range(size["queues"]):
        box.queue(
            f"queue{i}",
            **common.PILOTS,
            schedplugin=chain,
            apfqueue__sleep=FOR_EVER,
            wmsstatus__file__sleep=FOR_EVER,
            wmsstatus__file__maxage=FOR_EVER,
            sched__maxtorun__maximum="100000",
        )
    box.work(dict.fromkeys(box.queues, 0))
    return box


def measure(box: Box, bare: Bare, pending: dict[str, int], chain: str, size: dict[str, int]) -> list[str]:
    description = common.plugin_of(box, "batchsubmit").describe("bare")  # type: ignore[attr-defined]

    def plain() -> None:
        until(rounds.told, 120, "the history of the last round")  # it would slow down the bare calls
        theirs.append(common.seconds(bare_round))

    def bare_round() -> None:
        bare.counts("bench")
        for _ in range(size["wanting"]):
            bare.submit(description | {"+ApfFactory": '"bare"'}, PILOTS)

    ours: list[float] = []
    theirs: list[float] = []
    with InProcess(box) as factory:
        rounds = Rounds(box, factory, pending, size["wanting"])
        settle()  # as the daemon does after a start
        for i in range(size["rounds"] + 1):
            rounds.prepare()
            if i % 2:
                plain()
            ours.append(common.seconds(rounds.run))
            if not i % 2:
                plain()
    pairs = common.Pairs(tuple(ours[1:]), tuple(theirs[1:]))
    refresh, cpu = (f"{statistics.median(t[1:]) * 1e3:.0f}" for t in (rounds.refreshed, rounds.cpu))
    return [chain, *pairs.cells(), common.verdict(pairs.ratio, GOAL), refresh, cpu]


def main() -> None:
    size = QUICK if common.arguments(__doc__).quick else FULL
    lines = []
    with common.access_point("ap") as (folder, [pool]):
        bare = Bare(pool)
        pending = dict.fromkeys((f"queue{i}" for i in range(size["queues"])), size["jobs"] // size["queues"])
        for number, chain in enumerate(CHAINS):  # one factory: to another book its pilots would be strangers
            box = configure(folder / "factory", pool, chain, size)
            if not number:
                common.fill(bare, box, list(pending), size["jobs"])
            lines.append(measure(box, bare, pending, chain, size))
    title = (
        f"One cycle of {size['queues']:,} queues, {size['jobs']:,} pilots in the schedd, "
        f"{PILOTS} more for each of {size['wanting']}"
    )
    columns = ["chain", "round ms", "bare ms", "ratio", f"goal {GOAL}", "of it refresh ms", "CPU ms"]
    common.show(title, columns, lines)


if __name__ == "__main__":
    main()
