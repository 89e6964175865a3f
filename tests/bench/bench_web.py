"""What the web pages cost: time of each with many queues, cycles beside 50 browsers, memory.

    bin/as-user .venv/bin/python tests/bench/bench_web.py [--quick]

Pages are made from a view of made-up queues, as a browser would ask for them. Cycles are those of a real
factory with local processes as pilots: how long they take with nobody at its pages, and with 50 browsers that
ask once a second each.
"""

import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import common
import psutil

import webkit
from autopyfactory.accounting.tally import TallyStore
from autopyfactory.api.rows import queue_row
from autopyfactory.control.client import ControlError, call
from autopyfactory.daemon.webchild import address
from autopyfactory.history.opening import open_history
from autopyfactory.history.store import history_url
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.ending import Ending
from autopyfactory.model.serialize import to_plain
from autopyfactory.why.model import LiveState
from contracts.records import cycle
from patience import PATIENCE, until
from place import Place

GOAL_MS, GOAL_RATIO, GOAL_MB = 200, 1.25, 40
PAGES = ("/", "/queues", "/queues?sort=ready&down=True", "/queues?q=SITE_00&sort=held", "/ce/ce1.example.org",
         "/sources", "/queue/SITE_00001", "/worst", "/worst?window=week&sort=failed_percent",
         "/api/queues?sort=ready", "/api/status", "/metrics")  # fmt: skip
BROWSERS = 50


def pages(queues: int, times: int) -> list[list[str]]:
    """Return a line per page: the median time to make it, once the factory's answer is there."""
    rows = [
        queue_row(
            f"SITE_{i:05d}",
            cycle(f"SITE_{i:05d}", ready=i % 70, held=i % 3),
            sent=i,
            ce=f"ce{i % 500}.example.org",
        )
        for i in range(queues)
    ]
    with tempfile.TemporaryDirectory() as folder:
        access = webkit.FakeAccess(Path(folder))
        access.answers["status"] = webkit.status(rows)
        _one_queue(access, Path(folder))
        _counted(Path(folder), queues)
        browser = webkit.client(access)
        lines = []
        for page in PAGES:
            took = []
            for _ in range(times):
                browser.get("/health/ready")  # a view that is old is renewed here, not in what is measured
                began = time.perf_counter()
                answer = browser.get(page)
                took.append((time.perf_counter() - began) * 1000)
                assert answer.status_code == 200, page
            middle = sorted(took)[len(took) // 2]
            size = f"{len(answer.content) / 1000:,.0f}"
            verdict = common.verdict(middle, GOAL_MS)
            lines.append([page, f"{queues:,}", f"{took[0]:.0f}", f"{middle:.1f}", size, verdict])
        return lines


def _one_queue(access: webkit.FakeAccess, folder: Path) -> None:
    """Give one queue a week of cycles in a real history, one a minute."""
    name, now = "SITE_00001", datetime.now(UTC)
    options: Any = SimpleNamespace(history_url=None, state_dir=str(folder), factory_id="f1")
    writer = HistoryWriter(history_url(options), "f1")
    records = [cycle(name, ready=i % 70, at=now - timedelta(minutes=i)) for i in range(7 * 24 * 60)]
    for i in range(0, len(records), 1000):
        writer.deliver(records[::-1][i : i + 1000])
    writer.close()
    access.open_history = lambda: open_history(options)
    live = LiveState(now=now, ce="ce1.example.org")
    access.answers["why"] = {"queue": name, "record": to_plain(records[0]), "live": to_plain(live)}
    access.answers["dump"] = {"text": f"[{name}]\n" + "some.option = value\n" * 100, "data": {}}


def _counted(folder: Path, queues: int) -> None:
    """Let every queue have had pilots in each of the last 24 hours and 7 days."""
    store, now = TallyStore(folder / "tally.db"), time.time()
    for hour in [*range(24), *range(48, 168, 24)]:
        at = now - 3600 * hour
        store.note([
            Ending("s", f"{i}.{hour}", "t", f"SITE_{i:05d}", at, "failed" if i % 7 == 0 else "well",
                   started=at - 900, wall=900.0)
            for i in range(queues)
        ])  # fmt: skip
    store.close()


class Running:
    """A factory's daemon with some queues."""

    def __init__(self, folder: Path, queues: int, **options: str):
        self.place = Place(folder)
        more = "".join(f"[more{i}]\nwmsqueue = west\n" for i in range(queues))
        self.place.configure("\n" + more, **options)
        command = [sys.executable, "-m", "autopyfactory", "--conf", str(self.place.conf)]
        self.process = subprocess.Popen([*command, "--log", str(folder / "log")], stdin=subprocess.DEVNULL)
        self.socket = folder / "state/control.sock"
        until(self._up)

    def _up(self) -> bool:
        try:
            return bool(call(self.socket, "health")["cycles"]["cycles"] > 50)
        except ControlError:
            return False

    def mean(self, seconds: float) -> float:
        """Return how long a cycle took on average over the next `seconds`, in ms."""
        before = call(self.socket, "health")["cycles"]
        time.sleep(seconds)
        after = call(self.socket, "health")["cycles"]
        return 1000 * (after["seconds"] - before["seconds"]) / max(1, after["cycles"] - before["cycles"])

    def megabytes(self) -> tuple[float, float]:
        """Return the resident memory of the daemon and of its web process."""
        me = psutil.Process(self.process.pid)
        web = [c for c in me.children() if "autopyfactory.web" in " ".join(c.cmdline())]
        return me.memory_info().rss / 1e6, sum(c.memory_info().rss for c in web) / 1e6

    def end(self) -> None:
        """Stop it."""
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.place.kill_pilots()


def browse(url: str, over: threading.Event, count: list[int]) -> None:
    """Ask for pages once a second until `over`."""
    while not over.wait(1.0):
        for page in ("/", "/queues"):
            with urllib.request.urlopen(url + page, timeout=PATIENCE) as answer:
                answer.read()
                count[0] += 1


def cycles(queues: int, seconds: float, rounds: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return a line about cycles with and without browsers, and one about memory."""
    with (
        tempfile.TemporaryDirectory(prefix="apf-bench-") as alone,
        tempfile.TemporaryDirectory(prefix="apf-bench-") as with_web,
    ):
        running = Running(Path(alone), queues)
        without, _ = running.megabytes()
        running.end()
        running = Running(Path(with_web), queues, web__port="0")
        until(lambda: address(Path(with_web) / "state") is not None)
        url = address(Path(with_web) / "state")
        assert url is not None
        quiet, busy, count = [], [], [0]
        for _ in range(rounds):  # by turns, so that busy neighbours meet both
            quiet.append(running.mean(seconds))
            over = threading.Event()
            threads = [threading.Thread(target=browse, args=(url, over, count)) for _ in range(BROWSERS)]
            for thread in threads:
                thread.start()
            busy.append(running.mean(seconds))
            over.set()
            for thread in threads:
                thread.join()
        daemon, web = running.megabytes()
        running.end()
    middle = sorted(quiet)[rounds // 2], sorted(busy)[rounds // 2]
    ratio = middle[1] / middle[0]
    more = daemon - without
    timing = [str(queues), str(BROWSERS), f"{count[0]:,}", f"{middle[0]:.2f}", f"{middle[1]:.2f}"]
    memory = [str(queues), f"{without:.0f}", f"{daemon:.0f}", f"{more:+.0f}", f"{web:.0f}"]
    return (
        [[*timing, f"{ratio:.2f}", common.verdict(ratio, GOAL_RATIO)]],
        [[*memory, common.verdict(more, GOAL_MB)]],
    )


def main() -> None:
    quick = common.arguments(__doc__).quick
    lines = [line for n in ((100,) if quick else (1000, 10_000)) for line in pages(n, 3 if quick else 9)]
    columns = ["page", "queues", "first ms", "median ms", "kB", f"goal {GOAL_MS} ms"]
    common.show("Web pages", columns, lines)
    timing, memory = cycles(5 if quick else 100, 2.0 if quick else 10.0, 1 if quick else 5)
    columns = ["queues", "browsers", "pages", "cycle ms", "with browsers", "ratio", f"goal {GOAL_RATIO}"]
    common.show("Cycles beside browsers", columns, timing)
    columns = ["queues", "daemon MB", "with web", "more", "web process", f"goal {GOAL_MB} MB more"]
    common.show("Memory of the web", columns, memory)


if __name__ == "__main__":
    main()
