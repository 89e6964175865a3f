"""Daemons for tests: real processes, each ended with its test."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from patience import PATIENCE, until

PROGRAM = Path(__file__).with_name("fake_daemon.py")


def alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


class Bench:
    """Starts daemons below one folder."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.state = folder / "state"
        self.log = folder / "log" / "factory.log"
        self.conf = folder / "conf.json"
        self.pidfile = folder / "pid"
        self.started: list[subprocess.Popen[str]] = []
        self.env: dict[str, str] = {}
        self.configure()

    def configure(self, **settings: Any) -> None:
        self.conf.write_text(json.dumps({"state_dir": str(self.state), **settings}))

    def command(self, *options: str) -> list[str]:
        if os.geteuid() == 0 and "--runas" not in options:
            options += ("--runas", "root")
        return [sys.executable, str(PROGRAM), "--conf", str(self.conf), *options]

    def start(self, *options: str, **popen: Any) -> subprocess.Popen[str]:
        """Start a daemon in the foreground, logging to `self.log` at INFO."""
        process = subprocess.Popen(
            self.command("--info", "--log", str(self.log), *options),
            env={**os.environ, **self.env},
            stdout=popen.pop("stdout", subprocess.PIPE),
            stderr=popen.pop("stderr", subprocess.PIPE),
            text=True,
            start_new_session=True,
            **popen,
        )
        self.started.append(process)
        return process

    def up(self, *options: str, **popen: Any) -> subprocess.Popen[str]:
        """Start a daemon in the foreground and wait until it is up."""
        process = self.start(*options, **popen)
        until(lambda: "the factory is up" in self.text() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        return process

    def run(self, *options: str, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Run a command line to its end."""
        return subprocess.run(
            self.command(*options), capture_output=True, text=True, timeout=PATIENCE,
            env={**os.environ, **self.env}, **popen,
        )  # fmt: skip

    def text(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self.log.read_text()
        return ""

    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "facts.json").read_text())
        return found

    def children(self) -> list[int]:
        return [int(line) for line in (self.state / "children").read_text().split()]

    def pids(self) -> list[int]:
        """Return the processes that hold our pid files, read before they are gone."""
        found = []
        for file in (self.state / "autopyfactory.pid", self.pidfile):
            with contextlib.suppress(FileNotFoundError):  # of one that ends, it may go at any moment
                found += [int(text) for text in file.read_text().split() if text.isdigit()]
        return found

    def end(self) -> None:
        for process in self.started:
            process.kill()
        children = self.children() if (self.state / "children").exists() else []
        for pid in {*self.pids(), *children}:
            if alive(pid) and any(mark in _cmdline(pid) for mark in (str(PROGRAM), "sleep\x001000")):
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(pid, signal.SIGKILL)
        for process in self.started:
            process.communicate()


def _cmdline(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""
