"""Cleans the pilots' log tree every hour, in a process of its own that gives way to everything else.

It has an interpreter of its own, so millions of files are deleted or compressed and no cycle waits for this
one's lock. It is expendable: what one leaves undone the next does. It ends with this process.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict

import psutil

from autopyfactory.daemon.cleanlogs import Cleaner, Retention, done
from autopyfactory.model.text import printable

log = logging.getLogger("autopyfactory.cleanlogs")

EVERY = 3600.0  # seconds between two passes
NICE = 19
TOLD = 20  # troubles of one pass that are logged


class CleanLogs:
    """Cleans by the retention that `policy` returns at that time (None: not now), from `start` to `stop`."""

    def __init__(
        self,
        policy: Callable[[], Retention | None],
        interval: float = EVERY,
        command: Sequence[str] = (sys.executable, "-P", "-m", "autopyfactory.daemon.cleanchild"),
    ) -> None:
        """Prepare; `command` is for tests."""
        self._policy = policy
        self._interval = interval
        self._command = command
        self._stop = threading.Event()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the thread; the first pass begins at once. It never keeps the process from ending."""
        threading.Thread(target=self._run, name="clean logs", daemon=True).start()

    def stop(self) -> None:
        """Tell the pass under way to end after the folder it is at; does not wait for it."""
        self._stop.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.clean()
            except Exception:
                log.exception("cleaning the pilots' logs failed")
            self._stop.wait(self._interval)

    def clean(self) -> None:
        """Let a process make one pass, wait for its end, and log what it says."""
        retention = self._policy()
        if retention is None or retention.idle:
            return
        began = time.monotonic()
        with subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # the terminal's and service manager's signals are for the factory
        ) as process:
            self._process = process
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{retention.to_json()}\n")
            process.stdin.flush()  # and it stays open: its end is the end of the pass
            said = process.stdout.read()
            self._process = None
        self._tell(said, process.returncode, time.monotonic() - began)

    def _tell(self, said: str, code: int, seconds: float) -> None:
        try:
            report = json.loads(said)
        except ValueError:
            if not self._stop.is_set():
                log.warning("cleaning the pilots' logs ended (%s): %s", code, printable(said[-500:], 500))
            return
        if words := done(report):
            log.info("%s in %.1f s", words, seconds)
        for error in report["errors"][:TOLD]:
            log.warning("pilots' logs: %s", error)
        if len(report["errors"]) > TOLD:
            log.warning("pilots' logs: %d more troubles", len(report["errors"]) - TOLD)


def main() -> None:
    """Make one pass by the retention in the first line of standard input; its end ends the pass."""
    os.nice(NICE)
    with suppress(OSError, psutil.Error):  # not everywhere may it be chosen
        psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)
    retention, stop = Retention.from_json(sys.stdin.readline()), threading.Event()
    threading.Thread(target=_follow, args=(stop,), name="parent", daemon=True).start()
    sys.stdout.write(json.dumps(asdict(Cleaner(retention, stop=stop).clean())))
    sys.stdout.flush()
    os._exit(0)  # the other thread sits in a read


def _follow(stop: threading.Event) -> None:
    while sys.stdin.readline():
        pass
    stop.set()


if __name__ == "__main__":
    main()
