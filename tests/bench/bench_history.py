"""Measures the history on a generated load: bytes per cycle, speed of writing, of thinning and of `why`.

    python tests/bench/bench_history.py [--queues 1000] [--hours 1] [--quiet 0.7] [--url postgresql://...]
    python tests/bench/bench_history.py --full

The target is a factory of 1,000 queues with one cycle a minute, kept for 90 days: below 5 GB, and a `why`
below one second. The load is the dearest there can be (every number of every cycle moves at random) or, with
--quiet 0.7, one in which that part of the queues has nothing to do.

Without --full the 90 days are extrapolated from what the cycles of each tier really take, measured after real
thinning. With --full (SQLite only) the database gets its final size: 20 queues are written as 90 days leave
them, and their rows are copied to the others. `why` is timed on what was made.
"""

from __future__ import annotations

import argparse
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

sys.path.insert(0, str(Path(__file__).parents[1] / "kit"))

from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.store import default_url, open_engine, parse
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.clock import SystemClock
from autopyfactory.model.record import CycleRecord
from contracts.records import cycle, series

START = datetime(2026, 8, 1, tzinfo=UTC)
DAYS, QUEUES, WRITTEN = 90, 1000, 20
TIERS = ((0, 60, 3600), (60, 23, 600), (83, 7, 60))  # from day, for days, a row per so many seconds


class WallClock(SystemClock):
    """Wall time as set, monotonic time as it is."""

    wall = START

    def now(self) -> datetime:
        return self.wall


def main() -> None:
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="bench-history-") as folder:
        url = arguments.url or default_url(folder)
        if arguments.full:
            _full(url, Path(folder) / "history.db", arguments.quiet)
        else:
            _extrapolated(url, arguments)
        _why(url, Path(folder))


def _arguments() -> argparse.Namespace:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("--queues", type=int, default=QUEUES)
    parser.add_argument("--hours", type=int, default=1, help="of one cycle a minute that are generated")
    parser.add_argument("--quiet", type=float, default=0.0, help="part of the queues that has nothing to do")
    parser.add_argument("--url", help="database; default: SQLite in a temporary folder")
    parser.add_argument("--full", action="store_true", help="make the database of its final size")
    return parser.parse_args()


def _name(n: int) -> str:
    site, kind = n % 97, ("ANALY", "PROD", "MCORE", "GPU")[n % 4]
    return f"SITE{site:02d}_{kind}_{n:04d}-ce{n % 7}.site{site:02d}.example.org"


def _moments(queues: int, begin: datetime, n: int, every: float, quiet: float) -> Iterator[list[CycleRecord]]:
    """Yield the cycles of all queues, moment by moment."""
    lines = [
        _quiet(_name(q), begin, n, every) if q < queues * quiet else series(_name(q), begin, n, every=every)
        for q in range(queues)
    ]
    yield from (list(moment) for moment in zip(*lines, strict=True))


def _quiet(queue: str, begin: datetime, n: int, every: float) -> Iterator[CycleRecord]:
    chance = random.Random(queue)
    for i in range(n):
        at = begin + timedelta(seconds=every * i, milliseconds=chance.randrange(1000))
        ages = {"wms": round(chance.random() * 60, 1), "batch": round(chance.random() * 60, 1)}
        took = round(chance.random() / 5, 3)
        yield cycle(queue, i, at, ready=0, pending=0, running=3, ages=ages, duration=took)


def _write(
    writer: HistoryWriter, clock: WallClock | None, moments: Iterator[list[CycleRecord]]
) -> tuple[int, float, float]:
    """Write; return how many cycles, the seconds it took, and the longest delivery."""
    n, spent, longest = 0, 0.0, 0.0
    for moment in moments:
        if clock is not None:
            clock.wall = moment[-1].started
        for start in range(0, len(moment), 500):
            began = time.perf_counter()
            writer.deliver(moment[start : start + 500])
            took = time.perf_counter() - began
            spent, longest = spent + took, max(longest, took)
        n += len(moment)
    return n, spent, longest


def _used(url: str) -> int:
    if url.startswith("postgresql"):  # its number of rows is an estimate of the last ANALYZE
        with open_engine(parse(url)).begin() as connection:
            connection.execute(text("ANALYZE cycle"))
    reader = HistoryReader(url)
    try:
        return reader.info().used_bytes
    finally:
        reader.close()


def _extrapolated(url: str, a: argparse.Namespace) -> None:
    clock = WallClock()
    writer = HistoryWriter(url, "bench", clock=clock)
    fixed = _empty(url, writer, clock, a)
    cpu = time.process_time()
    n, spent, longest = _write(writer, clock, _moments(a.queues, START, int(a.hours * 60), 60, a.quiet))
    cpu = time.process_time() - cpu
    used = _used(url) - fixed
    per_cycle = used / n
    print(f"{a.queues} queues, {n} cycles, {a.quiet:.0%} of the queues quiet")
    print(
        f"  written: {n / spent:,.0f} cycles/s ({QUEUES / 60:.0f}/s are needed), {cpu / n * 1e6:.0f} us CPU"
    )
    print(f"  each, generating them included; the longest delivery of 500 took {longest * 1e3:.0f} ms")
    print(
        f"  full detail: {used / 1e6:.1f} MB, {per_cycle:.0f} bytes per cycle; {fixed / 1e6:.1f} MB for names"
    )
    tens = _thinned(url, writer, clock, 10, "10 min") - fixed
    hours = _thinned(url, writer, clock, 40, "1 h") - fixed
    writer.close()
    windows = a.queues * a.hours
    per_ten, per_hour = tens / (windows * 6), hours / windows
    week, month, rest = 7 * 1440 * per_cycle, 23 * 144 * per_ten, (DAYS - 30) * 24 * per_hour
    total = (week + month + rest) * QUEUES / 1e9
    parts = [part * QUEUES / 1e9 for part in (week, month, rest)]
    print(f"  bytes per queue and window: {per_ten:.0f} of ten minutes, {per_hour:.0f} of an hour")
    print(f"  {QUEUES} queues, a cycle a minute, {DAYS} days: {total:.2f} GB "
          f"(7 d {parts[0]:.2f}, to 30 d {parts[1]:.2f}, to 90 d {parts[2]:.2f})")  # fmt: skip
    print(f"  target 5 GB: {'met' if total < 5 else 'MISSED'}")


def _empty(url: str, writer: HistoryWriter, clock: WallClock, a: argparse.Namespace) -> int:
    """Return the bytes of a history that knows its queues and a dictionary, and holds no cycle any more."""
    clock.wall = START - timedelta(days=200)
    _write(writer, clock, _moments(a.queues, clock.wall, 3, 60, a.quiet))
    clock.wall = START
    writer.deliver([])
    while writer.upkeep.pending:
        writer.deliver([])
    return _used(url)


def _thinned(url: str, writer: HistoryWriter, clock: WallClock, days: int, what: str) -> int:
    clock.wall = START + timedelta(days=days)
    began, cpu, rounds = time.perf_counter(), time.process_time(), 0
    while rounds == 0 or writer.upkeep.pending:
        writer.deliver([])  # each delivery does a slice of the upkeep that is due
        rounds += 1
    took, cpu, used = time.perf_counter() - began, time.process_time() - cpu, _used(url)
    print(f"  thinned to {what}: {used / 1e6:.1f} MB in {took:.1f} s ({cpu:.1f} s of CPU), {rounds} slices")
    return used


def _full(url: str, path: Path, quiet: float) -> None:
    # time stands still, so that no upkeep is due: what is written has its final density already
    writer = HistoryWriter(url, "bench", clock=WallClock(), detail_days=10_000, max_bytes=10**12)
    n, spent = 0, 0.0
    for begin, days, every in TIERS:
        # a window of a thinned tier keeps a row per outcome: the dearest load has two
        for copy in range(1 if every == 60 else 2):
            start = START + timedelta(days=begin, seconds=copy)
            m, s, _ = _write(writer, None, _moments(WRITTEN, start, days * 86400 // every, every, quiet))
            n, spent = n + m, spent + s
    writer.close()
    print(f"{WRITTEN} queues written as {DAYS} days leave them: {n:,} rows, {n / spent:,.0f}/s")
    _copy(path)
    size = path.stat().st_size / 1e9
    print(f"copied to {QUEUES} queues: {n * QUEUES // WRITTEN:,} rows, {size:.2f} GB; "
          f"target 5 GB: {'met' if size < 5 else 'MISSED'}")  # fmt: skip


def _copy(path: Path) -> None:
    """Give the rows of the queues that were written to all others, in order of time as they would come."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    db.executemany(
        "INSERT INTO queue (factory, name) VALUES ('bench', ?)", ((_name(q),) for q in range(WRITTEN, QUEUES))
    )
    db.execute("ALTER TABLE cycle RENAME TO written")
    (ddl,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'written'").fetchone()
    db.execute(ddl.replace('"written"', "cycle"))
    db.execute("DROP INDEX cycle_queue_at")
    columns = "at, outcome, submitted, cycles, width, dictionary_id, detail"
    db.execute(
        f"INSERT INTO cycle (queue_id, {columns}) SELECT w.queue_id + {WRITTEN} * k.k, {columns} FROM"
        f" (SELECT value AS k FROM json_each(?)) k, written w ORDER BY w.at",
        (str(list(range(QUEUES // WRITTEN))),),
    )
    db.execute("DROP TABLE written")
    db.execute("CREATE UNIQUE INDEX cycle_queue_at ON cycle (queue_id, at)")
    db.commit()
    db.execute("PRAGMA incremental_vacuum(100000000)").fetchall()
    db.close()


def _why(url: str, folder: Path) -> None:
    """Time `why` as a person has it: reading and explaining alone, and the whole command."""
    from autopyfactory.why import explain

    chance, times = random.Random(1), []
    newest = HistoryReader(url).info().newest
    assert newest is not None
    for _ in range(50):
        name = _name(chance.randrange(20))
        began = time.perf_counter()
        reader = HistoryReader(url)
        at = newest - timedelta(hours=chance.random() * 12)
        story = explain([s.record for s in reader.last(name, 60, at)], None, queue=name)
        reader.close()
        times.append(time.perf_counter() - began)
        assert story.headline
    times.sort()
    print(f"  why (open, read 60 cycles, explain): {statistics.median(times) * 1e3:.0f} ms median, "
          f"{times[-1] * 1e3:.0f} ms at most of {len(times)}")  # fmt: skip
    conf = folder / "factory.conf"
    conf.write_text(
        f"[Factory]\nfactoryId = bench\nbaseLogDir = {folder}\nstatedir = {folder}\nhistory.url = {url}\n"
    )
    command = [sys.executable, "-m", "autopyfactory", "--conf", str(conf), "why", _name(3)]
    runs, before = [], resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(7):
        began = time.perf_counter()
        words = [*command, "--at", (newest + timedelta(hours=1)).isoformat()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
        runs.append(time.perf_counter() - began)
        assert "from the history" in done.stdout
    middle, after = statistics.median(runs), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / len(runs)
    print(f"  the command `autopyfactory why QUEUE --at TIME`: {middle * 1e3:.0f} ms median, "
          f"{min(runs) * 1e3:.0f} to {max(runs) * 1e3:.0f} ms, {cpu * 1e3:.0f} ms of CPU; target 1000 ms: "
          f"{'met' if middle < 1 else 'MISSED'}")  # fmt: skip


if __name__ == "__main__":
    main()
