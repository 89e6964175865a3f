"""What reading the endings of pilots costs, as a part of one core, while 25 of them end each second.

    bin/as-user .venv/bin/python tests/bench/bench_endings.py [--quick]

Pilots end in a real schedd: one poll a minute finds 1,500 of them in its history. Counted is the processor
time of all that takes part: the schedd with the program that reads its history, the child process, and this
one, that turns ads into endings, closes them in the book, keeps them, reads what each pilot wrote, and tells
of them.
"""

import json
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import common
from common import Box

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.endingstore import EndingStore
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.pilotwords import with_words
from autopyfactory.condor.registry import client
from autopyfactory.model.clock import SystemClock
from autopyfactory.model.ending import Ending
from autopyfactory.plugins.batchstatus.condor import Condor
from autopyfactory.sources.place import PlaceWatch
from testbed.pool import Pool

GOAL = 0.05  # of a core
RATE, PERIOD = 25, 60  # endings a second, seconds between two polls
SUMMARY = {
    "schema": 1, "exit": 0, "outcome": "ok", "host": "node7.grid.test", "wall": 3600, "facts": {"cores": 8},
    "payload": {"name": "glidein", "total": 3, "ok": 3},
    "checks": [{"name": n, "result": "ok", "ms": 3} for n in ("scratch", "tmp", "clock", "net", "cvmfs")],
}  # fmt: skip


def cpu(pid: int) -> float:
    """Return the processor seconds of a process and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def output(folder: Path) -> Path:
    """Return what a pilot wrote, in a file of usual size."""
    lines = "".join(f"{n} a line that a payload wrote, as they do while they work\n" for n in range(1000))
    path = folder / "output"
    path.write_text(f"{lines}APF-SUMMARY {json.dumps(SUMMARY)}\n")
    return path


def measure(number: int) -> list[str]:
    with common.access_point("ap") as (folder, [pool]):
        box = Box(folder / "f", pool, "bench")
        box.factory_options["batchstatus.condor.timeout"] = "60"
        box.queue("q", **common.PILOTS)
        plugin, submit = common.plugin_of(box, "batchstatus"), common.plugin_of(box, "batchsubmit")
        assert isinstance(plugin, Condor)
        for begin in range(0, number + 100, 100):
            submit.submit(100, f"tag{begin}", 60)  # type: ignore[attr-defined]
        files, model = folder / "outputs", output(folder)
        files.mkdir()

        def started(e: Ending) -> Ending:
            """Pilots that are held never ran: let these have done so, and have written something."""
            path = files / f"{e.job}.out"
            return with_words(replace(e, started=e.queued, wall=60.0, output=str(path)))

        stream = EndingStream(EndingStore(folder / "endings.db"), started)
        heard: list[Ending] = []
        stream.subscribe(heard.extend)
        book = Bookkeeper(Ledger(folder / "ledger.db"), SystemClock(), endings=stream)
        watch = PlaceWatch(plugin, book)
        ends(pool, ["tag0"])
        poll(watch)  # takes the pilots into the book; those that have ended are no news
        assert book.open("q") == number
        for cluster in range(1, number // 100 + 3):
            for proc in range(100):
                os.link(model, files / f"{cluster}.{proc}.out")
        ends(pool, [f"tag{begin}" for begin in range(100, number + 100, 100)])
        watch.fetch()
        schedd, child = pool.pid_of("SCHEDD"), client(plugin.schedd_target).pid
        assert child is not None
        before, mine = (cpu(schedd), cpu(child)), time.process_time()
        watch.after()
        spent = [time.process_time() - mine, cpu(child) - before[1]]
        time.sleep(1)  # until the schedd has seen the end of the program that read its history
        spent.append(cpu(schedd) - before[0])
        assert len(heard) == number and all(e.account for e in heard)
        assert book.open("q") == 0
    ratio = sum(spent) / PERIOD * RATE * PERIOD / number
    return [f"{number:,}", *(f"{s * 1e3:.0f}" for s in spent), f"{ratio:.1%}", common.verdict(ratio, GOAL)]


def ends(pool: Pool, tags: Sequence[str]) -> None:
    """Let the pilots of these tags end, and wait until the schedd has written it down."""
    wanted = "member(ApfSubmission, {" + ", ".join(f'"{t}"' for t in tags) + "})"
    pool.run_client("condor_rm", "-const", wanted)
    end = time.monotonic() + 120
    while pool.run("condor_q", "-all", "-const", wanted, "-af", "ProcId").stdout:
        assert time.monotonic() < end, "pilots do not end"
        time.sleep(0.5)


def poll(watch: PlaceWatch) -> None:
    watch.fetch()
    watch.after()


def main() -> None:
    quick = common.arguments(__doc__).quick
    lines = [measure(n) for n in ((200,) if quick else (RATE * PERIOD, RATE * PERIOD))]
    columns = ["endings", "ours ms", "child ms", "schedd ms", f"of a core at {RATE}/s", f"goal {GOAL:.0%}"]
    common.show("Endings", columns, lines)


if __name__ == "__main__":
    main()
