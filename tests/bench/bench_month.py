"""A month of the book and the history in minutes: what they take is flat after their retention.

    python tests/bench/bench_month.py [--quick]

30 days of virtual time. The book is driven through its own protocol, with the real ledger, by a place that
answers at once: each queue keeps five pilots that live for half a day. The history gets one cycle a minute of
a part of the queues (what all would take is in proportion), and keeps ten days, two of them in full. Who
reads the table looks at the last lines: sizes that grow with the days are a leak. Files lie in memory where
the system has a place for that: no time is measured here.
"""

from __future__ import annotations

import os
import random
import sqlite3
import tempfile
import time
from collections import Counter, deque
from contextlib import closing
from pathlib import Path

import common

from autopyfactory.accounting.book import Batch, bits
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.ledger import KEEP_SECONDS, Ledger
from autopyfactory.accounting.protocol.sending import Ask
from autopyfactory.accounting.requests import Counted, Endings, Searched, Submitted, Surveyed
from autopyfactory.history.store import default_url
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.info import BatchQueueInfo
from contracts.records import series
from fakes import FakeClock

DAYS, HOUR, DAY = 30, 3600.0, 86400.0
EACH, LIFE = 5, 12 * HOUR  # pilots of a queue, and how long they live in the mean
KEPT, DETAIL = 10, 2  # days of the history
FULL = {"queues": 1000, "recorded": 20, "hours": 1}  # the last: between two looks at the place
QUICK = {"queues": 4, "recorded": 1, "hours": 24}
GOAL = 1.05  # the last line to the one ten days before


class AtOnce:
    """A place and the way to it: takes all pilots, and lets each live for its time."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._random = random.Random(1)
        self._alive: Counter[str] = Counter()
        self._ends: list[tuple[float, str, str, int]] = []
        self._ended: deque[tuple[str, int]] = deque()
        self._clusters = 0

    def submit(self, batch: Batch, identity: str) -> Submitted:
        self._clusters += 1
        for proc in range(batch.n):
            end = self._clock.monotonic() + self._random.expovariate(1 / LIFE)
            self._ends.append((end, batch.queue, batch.tag, proc))
        self._alive[batch.queue] += batch.n
        return Submitted(str(self._clusters), bits(range(batch.n)))

    def pass_time(self) -> None:
        """End the pilots whose time is over."""
        now = self._clock.monotonic()
        for end, queue, tag, proc in self._ends:
            if end <= now:
                self._alive[queue] -= 1
                self._ended.append((tag, proc))
        self._ends = [pilot for pilot in self._ends if pilot[0] > now]

    def count(self) -> Counted:
        return Counted("one", {q: BatchQueueInfo(running=n) for q, n in self._alive.items()})

    def endings(self, cursor: str) -> Endings:
        told = tuple(self._ended)
        self._ended.clear()
        return Endings("one", str(int(cursor or 0) + len(told)), told)

    def survey(self) -> Surveyed:
        raise AssertionError("everything balances")

    def search(self, tags: frozenset[str], most: int) -> Searched:
        raise AssertionError("everything balances")


def on_disk(path: Path) -> float:
    """Return the MB of a database; its journal has 4 MB at most, whatever is in it, and is left out."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
    return path.stat().st_size / 1e6


def book_of_a_month(folder: Path, queues: int, hours: int) -> list[tuple[float, int, int]]:
    """Return, for each day, MB on disk, lines in memory and pilots ever sent."""
    clock = FakeClock()
    path = folder / "ledger.db"
    ledger = Ledger(path, clock)
    book, place = Bookkeeper(ledger, clock), AtOnce(clock)
    names = [f"queue{i}" for i in range(queues)]
    days = []
    for _ in range(DAYS):
        for _ in range(24 // hours):
            clock.advance(hours * HOUR)
            place.pass_time()
            book.poll("place", place).finish()
            for name in names:
                there = book.open(name)
                if there < EACH:
                    ask = Ask(name, "place", "ce", EACH - there, seen=there)
                    assert not book.send(ask, place, lambda: False).notes
            clock.advance(1)
        assert ledger.flush(60)
        ledger.prune()  # in a factory its thread does, once a day
        lines = len(book._accounts.book._lines)
        days.append((on_disk(path), lines, sum(book.total(name) for name in names)))
    ledger.close()
    return days


class WallClock(FakeClock):
    """Days pass, and slices of upkeep take their real time."""

    def monotonic(self) -> float:
        return time.monotonic()


def history_of_a_month(folder: Path, queues: int, hours: int) -> list[float]:
    """Return, for each day, the MB that the history takes."""
    clock = WallClock()
    url = default_url(folder)
    writer = HistoryWriter(url, "bench", clock=clock, keep_days=KEPT, detail_days=DETAIL)
    days = []
    for _ in range(DAYS):
        lines = [series(f"queue{q}", clock.now(), 1440, every=60) for q in range(queues)]
        moments = [record for moment in zip(*lines, strict=True) for record in moment]
        together = hours * 60 * queues
        for start in range(0, len(moments), together):
            clock.advance(hours * HOUR)
            writer.deliver(moments[start : start + together])
        while writer.upkeep.pending:
            writer.deliver([])
        days.append(on_disk(folder / "history.db"))
    writer.close()
    return days


def main() -> None:
    size = QUICK if common.arguments(__doc__).quick else FULL
    memory = Path("/dev/shm")
    where = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="apf-month-", dir=where) as directory:
        book = book_of_a_month(Path(directory), size["queues"], size["hours"])
        history = history_of_a_month(Path(directory), size["recorded"], size["hours"])
    shown = (1, 2, 5, 10, 15, 20, 25, 30)
    rows = [
        [
            str(d),
            f"{book[d - 1][2]:,}",
            f"{book[d - 1][0]:.2f}",
            f"{book[d - 1][1]:,}",
            f"{history[d - 1]:.2f}",
        ]
        for d in shown
    ]
    columns = ["day", "pilots sent", "book MB", "lines in memory", f"history MB of {size['recorded']} queues"]
    common.show(
        f"A month of {size['queues']:,} queues, closed lines kept {KEEP_SECONDS / DAY:.0f} days",
        columns,
        rows,
    )
    grown = [book[29][0] / book[19][0], book[29][1] / book[19][1], history[29] / history[19]]
    words = ("book on disk", "book in memory", "history")
    growth = [[w, f"{g:.2f}", common.verdict(g, GOAL)] for w, g in zip(words, grown, strict=True)]
    common.show("Day 30 against day 20", ["what", "ratio", f"goal {GOAL}"], growth)


if __name__ == "__main__":
    main()
