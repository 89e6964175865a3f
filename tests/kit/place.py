"""A real factory in this process, with processes as pilots, behind a real control socket."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from functools import partial
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from autopyfactory.api.commands import answer
from autopyfactory.cli.main import cli
from autopyfactory.config.build import load
from autopyfactory.control.server import ControlServer
from autopyfactory.factory.factory import Factory
from autopyfactory.plugins.processes import pilots
from patience import PATIENCE, until

FACTORY = """[Factory]
factoryId = {name}
baseLogDir = {folder}/pilots
statedir = {folder}/state
queueConf = {folder}/queues.conf
batchstatus.exec.sleep = 1
"""
QUEUES = """[DEFAULT]
enabled = True
apfqueue.sleep = 0.2
wmsstatusplugin = File
wmsstatus.file.path = {folder}/work.json
wmsstatus.file.sleep = 1
wmsstatus.file.maxage = 600
batchstatusplugin = Exec
batchsubmitplugin = Exec
schedplugin = Ready, MaxToRun
sched.maxtorun.maximum = 2
executable = /bin/sleep
executable.arguments = 300

[east]
wmsqueue = east
[west]
wmsqueue = west
[off]
enabled = False
[wrong]
schedplugin = NoSuchRule
"""


class Place:
    """A factory's folder; the factory runs between `start` and `stop`."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.conf = folder / "factory.conf"
        # pilots are found in the process table by this name, so no two tests may share one
        self.name = f"unit-{os.getpid()}-{folder.name}"
        self.conf.write_text(FACTORY.format(folder=folder, name=self.name))
        (folder / "queues.conf").write_text(QUEUES.format(folder=folder))
        (folder / "work.json").write_text(json.dumps({"east": {"ready": 5}, "west": {"ready": 0}}))
        self._running: tuple[Factory, ControlServer, threading.Event, threading.Thread] | None = None

    def configure(self, queues: str = "", **factory: str) -> None:
        """Add queues, and keys of [Factory] with `__` for a dot, to the configuration."""
        with (self.folder / "queues.conf").open("a") as file:
            file.write(queues)
        with self.conf.open("a") as file:
            file.writelines(f"{key.replace('__', '.')} = {value}\n" for key, value in factory.items())

    def made(self, **options: Any) -> Factory:
        """Return a factory that has not started."""
        return Factory(load([str(self.conf)]), load=lambda: load([str(self.conf)]), **options)

    def start(self) -> Factory:
        factory = self.made()
        history = factory.reporting.history
        if history is not None:  # a commit of a busy disk may take longer than the end of a factory
            close = history.close
            history.close = lambda timeout=PATIENCE: close(PATIENCE)  # type: ignore[method-assign]
        server = ControlServer(self.folder / "state/control.sock", partial(answer, factory))
        stop = threading.Event()
        factory.start()
        thread = threading.Thread(target=factory.run, args=(stop,), daemon=True)
        thread.start()
        server.start()
        self._running = (factory, server, stop, thread)
        until(lambda: all(q.cycles_run > 2 for q in factory.queues.values()))
        return factory

    def stop(self) -> None:
        if self._running is None:
            return
        factory, server, stop, thread = self._running
        self._running = None
        stop.set()
        server.close()
        factory.shutdown(PATIENCE)
        thread.join(PATIENCE)

    def kill_pilots(self) -> None:
        """End the pilots: processes that outlive their factory."""
        for pilot in pilots():
            if pilot.factory == self.name:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pilot.pid, signal.SIGKILL)

    def run(self, *words: str, code: int | None = 0, **kwargs: Any) -> Result:
        """Run a command, which has to end with `code` (None: with any)."""
        result = CliRunner().invoke(cli, ["--conf", str(self.conf), *words], **kwargs)
        assert code is None or result.exit_code == code, (words, result.output, result.exception)
        return result

    def wait_kept(self, queue: str, text: str) -> None:
        """Wait until the history of `queue` has `text`: it is written a moment later."""

        def there() -> bool:
            result = CliRunner().invoke(cli, ["--conf", str(self.conf), "history", queue])
            return text in result.stdout

        until(there)

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code).stdout)
