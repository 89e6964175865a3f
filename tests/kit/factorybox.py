"""A real factory in a folder of its own, for tests: in this process, or as the daemon that it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.control.client import call
from autopyfactory.factory.factory import Factory
from patience import PATIENCE, SOON
from testbed.grid import Grid
from testbed.pool import Pool

CHAIN = "Ready, MaxPerCycle, MaxToRun"


class Box:
    """Configuration, state and logs of one factory whose pilots wait in `ap`'s queue for ever.

    Work is a file: `work({"q1": 5})` says that five jobs are ready in WMS queue `q1`.
    """

    def __init__(self, folder: Path, ap: Pool, name: str = "f1"):
        self.folder, self.ap, self.name = folder, ap, name
        folder.mkdir(parents=True, exist_ok=True)
        self.work_file = folder / "work.json"
        self.queues_file = folder / "queues.conf"
        self.factory_options: dict[str, str] = {}
        self.queues: dict[str, dict[str, str]] = {}
        self.work({})

    def work(self, ready: Mapping[str, int], running: Mapping[str, int] | None = None) -> None:
        """Say how many jobs are ready per WMS queue, and how many run."""
        counts = {name: {"ready": n, "running": (running or {}).get(name, 0)} for name, n in ready.items()}
        text = json.dumps(counts)
        temporary = self.work_file.with_suffix(".new")
        temporary.write_text(text)
        temporary.rename(self.work_file)

    def queue(self, name: str, ap: Pool | None = None, **options: str) -> None:
        """Configure a queue; `__` in an option's name stands for a dot."""
        where = ap or self.ap
        self.queues[name] = {
            "enabled": "True",
            "wmsqueue": name,
            "apfqueue.sleep": "0.5",
            "wmsstatusplugin": "File",
            "wmsstatus.file.path": str(self.work_file),
            "wmsstatus.file.sleep": "1",
            "wmsstatus.file.maxage": "600",
            "batchstatusplugin": "Condor",
            "batchsubmitplugin": "CondorLocal",
            "batchstatus.condor.schedd": where.schedd,
            "batchstatus.condor.collector": where.collector,
            "schedplugin": CHAIN,
            "sched.maxpercycle.maximum": "50",
            "executable": "/bin/true",
            **{k.replace("__", "."): v for k, v in options.items()},
        }

    def write(self) -> list[str]:
        """Write the configuration; return what to give to --conf."""
        factory = {
            "factoryId": self.name,
            "baseLogDir": str(self.folder / "pilots"),
            "statedir": str(self.folder / "state"),
            "logdir": str(self.folder),
            "queueConf": str(self.queues_file),
            "factory.sleep": "1",
            "batchstatus.condor.sleep": "1",
            "batchstatus.condor.maxage": "6",
            "batchstatus.condor.timeout": "3",
            **self.factory_options,
        }
        main = self.folder / "factory.conf"
        main.write_text(_ini({"Factory": factory}))
        self.queues_file.write_text(_ini(self.queues))
        return [str(main)]

    def configuration(self) -> Configuration:
        """Write and load the configuration; nothing may be wrong with it."""
        conf = load(self.write())
        errors = [str(p) for p in conf.problems if p.severity == "error"]
        assert not errors, errors
        return conf

    # --- what the schedd has ----------------------------------------------------------------------

    def ads(self, *attributes: str, ap: Pool | None = None) -> list[list[str]]:
        """Return these attributes of this factory's pilots in the schedd."""
        mine = f'ApfFactory == "{self.name}"'
        out = (ap or self.ap).run("condor_q", "-all", "-const", mine, "-af:t", *attributes).stdout
        return [line.split("\t") for line in out.splitlines()]

    def pilots(self, queue: str | None = None, ap: Pool | None = None) -> int:
        """Return how many pilots the schedd has, of one queue or of all."""
        names = [row[0] for row in self.ads("MATCH_APF_QUEUE", ap=ap)]
        return len(names) if queue is None else names.count(queue)

    def submit_by_hand(self, queue: str, count: int) -> None:
        """Put pilots into the schedd as if this factory had sent them."""
        file = self.folder / "byhand.sub"
        file.write_text(
            f'executable = /bin/true\n+ApfFactory = "{self.name}"\n'
            f'+MATCH_APF_QUEUE = "{queue}"\nqueue {count}\n'
        )
        self.ap.run_client("condor_submit", str(file))


def at_ce(grid: Grid, site: str) -> dict[str, str]:
    """Return the options of a queue whose pilots go to `site`, with the token that opens it."""
    ce = grid.sites[site]
    return {
        "batchsubmitplugin": "CondorCE",
        "batchsubmit.condorce.gridresource": ce.collector,
        "batchsubmit.condorce.schedd": ce.schedd,
        "batchsubmit.condorce.tokenfile": str(grid.site_token(site)),
    }


class InProcess:
    """The factory in this process; use as a context manager."""

    def __init__(self, box: Box):
        self.box = box

    def __enter__(self) -> Factory:
        self.before = {name: os.environ.get(name) for name in self.box.ap.exports}
        os.environ.update(self.box.ap.exports)
        self.factory = Factory(self.box.configuration(), load=lambda: load(self.box.write()))
        self.stop = threading.Event()
        self.factory.start()
        self.thread = threading.Thread(target=self.factory.run, args=(self.stop,), daemon=True)
        self.thread.start()
        return self.factory

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.factory.shutdown(SOON)  # also on a busy machine
        self.thread.join(PATIENCE)
        for name, value in self.before.items():  # later tests must not look for a pool that is gone
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Daemon:
    """The factory as a process of its own."""

    def __init__(self, box: Box, *arguments: str):
        self.box = box
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "autopyfactory", "--conf", ",".join(box.write()), "--info"),
                *("--log", str(box.folder / "factory.log"), *arguments),
            ],
            env={**os.environ, **box.ap.exports},
            stdin=subprocess.DEVNULL,
        )

    @property
    def socket(self) -> Path:
        return self.box.folder / "state/control.sock"

    def ask(self, command: str, **arguments: Any) -> Any:
        return call(self.socket, command, PATIENCE, **arguments)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)

    def terminate(self, limit: float = PATIENCE) -> float:
        """Send TERM; return how many seconds it took to end."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(limit)
        finally:
            if self.process.poll() is None:
                self.kill()
        return time.monotonic() - began


def last(factory: Factory, queue: str) -> str:
    """Return what the last cycle of `queue` said, or nothing before the first, or while it restarts."""
    running = factory.queues.get(queue)
    record = running.last if running else None
    return f"{record.outcome}: {record.reason}" if record else ""


def _ini(sections: Mapping[str, Mapping[str, str]]) -> str:
    texts = []
    for name, options in sections.items():
        texts.append(f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in options.items()))
    return "\n".join(texts)
