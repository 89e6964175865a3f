"""How much memory the running daemon takes with all its processes, and whether that grows.

    bin/as-user .venv/bin/python tests/bench/bench_memory.py [--quick]

A daemon with many queues runs at the pace that is usual, and sends nothing; then one in a hurry, for a
thousand cycles; then one that sends pilots, each in a submission of its own. RSS counts what processes share
once per process, PSS once in all. Now and then there is a second child, which looks for stuck pilots.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import common
from common import Box, Pool

from factorybox import CHAIN, Daemon
from testbed.waiting import until

GOAL = 150.0  # MB RSS, all processes together
FULL = {"queues": 1000, "usual": 60, "minutes": 4, "cycles": 1000, "senders": 100, "each": 150}
QUICK = {"queues": 20, "usual": 1, "minutes": 4, "cycles": 8, "senders": 4, "each": 5}
HURRY = 1  # seconds between two cycles of a queue; logs and history can just keep up
POINTS = 8  # lines in a table, at most
PAUSE = 0.5  # seconds between two looks
LIMIT = 7200.0


@dataclass(frozen=True)
class Use:
    """MB of memory of one process or of several."""

    rss: float = 0.0
    pss: float = 0.0

    def __add__(self, other: "Use") -> "Use":
        return Use(self.rss + other.rss, self.pss + other.pss)

    def cells(self) -> tuple[str, str]:
        return f"{self.rss:.1f}", f"{self.pss:.1f}"


def tree(pid: int) -> Iterator[int]:
    """Yield a process and all its descendants."""
    yield pid
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = file.read_text().split()
        except OSError:
            continue  # a thread that ended meanwhile
        for child in children:
            yield from tree(int(child))


def use(pid: int) -> Use:
    """Return the memory of one process; nothing if it has ended."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return Use()
    kb = {k: int(n) for k, n in re.findall(r"^(Rss|Pss): +(\d+) kB", text, re.MULTILINE)}
    return Use(kb.get("Rss", 0) / 1024, kb.get("Pss", 0) / 1024)


def measured(pid: int) -> tuple[Use, Use, int]:
    """Return the memory of the daemon, of its children, and how many these are."""
    children = [p for p in tree(pid) if p != pid]
    return use(pid), sum((use(p) for p in children), Use()), len(children)


def cycle_of(box: Box, queue: str) -> int:
    """Return the number of the last cycle that the log of `queue` tells of; -1 for none yet."""
    file = box.folder / "queues" / f"{queue}.log"
    found = re.findall(r"cycle (\d+):", file.read_text()[-4000:]) if file.exists() else []
    return int(found[-1]) if found else -1


@dataclass(frozen=True)
class Line:
    """What a process and its children took at one moment, and the most since the line before."""

    reached: int
    own: Use
    children: Use
    peak: Use

    @property
    def total(self) -> Use:
        return self.own + self.children

    def cells(self) -> list[str]:
        uses = (self.own, self.children, self.total, self.peak)
        return [f"{self.reached:,}", *(cell for use in uses for cell in use.cells())]


def watch(daemon: Daemon, progress: Callable[[], int], end: int) -> list[Line]:
    """Return measurements at about equal steps of `progress`, the last one at its `end`.

    A line is of a moment with one child: the second one, which looks for stuck pilots, shows in the peaks.
    """
    lines: list[Line] = []
    limit = time.monotonic() + LIMIT
    steps = min(POINTS, end)
    peak = Use()
    while len(lines) < steps:
        assert daemon.process.poll() is None, "the daemon has ended"
        assert time.monotonic() < limit, f"only {progress()} of {end}"
        time.sleep(PAUSE)
        own, children, number = measured(daemon.process.pid)
        peak = max(peak, own + children, key=lambda use: use.rss)
        reached = progress()
        if number < 2 and reached >= end * (len(lines) + 1) // steps:
            lines.append(Line(reached, own, children, peak))
            peak = Use()
    return lines


def configured(folder: Path, pool: Pool, queues: int, pause: int = HURRY, **options: str) -> Box:
    box = Box(folder, pool, folder.name)
    box.factory_options["batchstatus.condor.sleep"] = "5"
    box.factory_options["batchstatus.condor.maxage"] = "60"
    for i in range(queues):
        box.queue(
            f"queue{i}",
            **common.PILOTS,
            schedplugin=f"{CHAIN}, MaxPending, MinPerCycle, MaxCores",
            apfqueue__sleep=str(pause),
            sched__minpercycle__minimum="0",
            sched__maxcores__maximum="1000000",
            sched__maxpending__maximum="100000",
            **options,
        )
    return box


def many_queues(folder: Path, pool: Pool, queues: int, pause: int, cycles: int) -> list[Line]:
    """Let many queues run many cycles; return the measurements."""
    box = configured(folder, pool, queues, pause, sched__maxtorun__maximum="100000")
    box.work(dict.fromkeys(box.queues, 0))
    last = f"queue{queues - 1}"
    daemon = Daemon(box)
    try:
        until(lambda: cycle_of(box, last) >= 0, 120, "the first cycle of the last queue")
        lines = watch(daemon, lambda: cycle_of(box, last), cycles)
    finally:
        common.say(f"{queues} queues: the daemon ended {daemon.terminate():.1f} s after TERM")
    return lines


def many_submissions(folder: Path, pool: Pool, size: dict[str, int]) -> list[Line]:
    """Let one daemon send many pilots, each in a submission of its own; return the measurements."""
    box = configured(
        folder / "busy", pool, size["senders"],
        sched__maxpercycle__maximum="1", sched__maxtorun__maximum=f"{size['each']}",
    )  # fmt: skip
    box.work(dict.fromkeys(box.queues, 10**6))
    total = size["senders"] * size["each"]
    daemon = Daemon(box)
    try:
        lines = watch(daemon, box.pilots, total)
        time.sleep(3)
        assert box.pilots() == total, "a pilot too many or too few"
        assert len(set(map(tuple, box.ads("ClusterId")))) == total
    finally:
        daemon.terminate()
    return lines


def main() -> None:
    size = QUICK if common.arguments(__doc__).quick else FULL
    with common.access_point("ap") as (folder, [pool]):
        n = size["queues"]
        usual = many_queues(folder / "usual", pool, n, size["usual"], size["minutes"])
        hurry = many_queues(folder / "hurry", pool, n, HURRY, size["cycles"])
        busy = many_submissions(folder, pool, size)
    columns = ["daemon RSS", "PSS", "child RSS", "PSS", "all RSS", "PSS", "peak RSS", "PSS"]
    for label, pause, lines in (("as usual", size["usual"], usual), ("in a hurry", HURRY, hurry)):
        common.show(
            f"Memory of {n:,} queues {label}: {pause} s between cycles, MB",
            ["cycles", *columns],
            [line.cells() for line in lines],
        )
        rss, peak = lines[-1].total.rss, max(line.peak.rss for line in lines)
        common.say(
            f"at the end RSS {rss:.0f} MB (goal {GOAL:.0f}: {common.verdict(rss, GOAL)}), "
            f"at most {peak:.0f} MB at any moment"
        )
    common.show(
        f"Memory while {size['senders']} queues send, MB",
        ["pilots, one per submission", *columns],
        [line.cells() for line in busy],
    )


if __name__ == "__main__":
    main()
