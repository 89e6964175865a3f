"""Writes down what was submitted, for people, while the cycle that submitted it goes on.

A submit description holds the pilots' arguments and environment: it is not for everybody, nor for the web.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from pathlib import Path

from autopyfactory.options.common import FactoryOptions

log = logging.getLogger("autopyfactory.submit")

MODE = 0o640
WAITING = 1000  # texts that may wait for a disk; more are not written
GATHER = 1.0  # seconds that a text waits for others: those who send get done first


class Scribe:
    """A thread that writes small files; it starts with the first. A disk that hangs hangs nobody else."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Path, str]] = deque()
        self._change = threading.Condition()
        self._busy = False
        self._hurry = 0  # how many wait until all is written
        self._thread: threading.Thread | None = None

    def write(self, path: Path, text: str) -> None:
        """Write `text` to `path` soon. Returns at once, never raises: what fails is logged."""
        with self._change:
            if len(self._waiting) >= WAITING:
                log.warning("%s is not written: %d others wait for the disk", path, WAITING)
                return
            self._waiting.append((path, text))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="scribe", daemon=True)
                self._thread.start()
            if len(self._waiting) in (1, WAITING // 2):
                self._change.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all is written; False when that takes longer than `timeout` seconds."""
        with self._change:
            self._hurry += 1
            self._change.notify_all()
            try:
                return self._change.wait_for(lambda: not self._waiting and not self._busy, timeout)
            finally:
                self._hurry -= 1

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._waiting)
                self._change.wait_for(lambda: self._hurry or len(self._waiting) >= WAITING // 2, GATHER)
                self._busy = True
            while (one := self._next()) is not None:
                try:
                    _write(*one)
                except (OSError, ValueError) as err:
                    log.warning("%s cannot be written: %s", one[0], getattr(err, "strerror", None) or err)

    def _next(self) -> tuple[Path, str] | None:
        with self._change:
            return self._waiting.popleft() if self._waiting else None


def private_tree(state_dir: str) -> Path:
    """Return where submit descriptions are kept when the log tree is published."""
    return Path(state_dir).expanduser() / "submitted"


def place_of(log_folder: Path, factory: FactoryOptions) -> Path:
    """Return the folder for the submit descriptions of pilots whose files are in `log_folder`."""
    if not factory.base_log_dir_url or factory.submit_files_published:
        return log_folder
    return private_tree(factory.state_dir) / log_folder.parent.name / log_folder.name


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
    with os.fdopen(handle, "w") as file:
        file.write(text)
