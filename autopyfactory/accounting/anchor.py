"""Notices when files of the factory's state are no longer those that it opened.

A file that was removed, replaced or hidden by another mount can still be written through the descriptor that
is open: everything seems well, and nothing of it will be there after a restart.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path

Identity = tuple[int, int]  # device, inode
EVERY = 0.5  # seconds between two looks
PATIENCE = 60.0  # seconds without an answer of the file system, until that is told


class Anchor:
    """The identity of files and folders at the time they were opened. Asking costs one `stat` each."""

    def __init__(self, paths: Iterable[Path]):
        """Remember what `paths` are now. Raises OSError when one is not there."""
        self._known = {path: _identity(path) for path in paths}

    def lost(self) -> str | None:
        """Return what is wrong with the first that is not what it was, in words; None: all is well."""
        for path, known in self._known.items():
            try:
                found = _identity(path)
            except OSError as err:
                return f"{path} is gone ({err.strerror or err}), what is sent would not be remembered"
            if found != known:
                return f"{path} is another one than when the factory started"
        return None


class AnchorWatch:
    """A thread that looks, so that a file system that hangs delays no cycle."""

    def __init__(self, anchor: Anchor):
        self._anchor = anchor
        self._lost: str | None = None
        self._seen = time.monotonic()  # when it was looked at last
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look."""
        self._thread = threading.Thread(target=self._run, name="anchor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()

    def lost(self) -> str | None:
        """Return what was wrong when it was looked at last, in words; None: all was well. Returns at once."""
        if self._thread is None:
            return None
        if time.monotonic() - self._seen > PATIENCE:
            return "the file system of the state folder does not answer, what is sent would not be remembered"
        return self._lost

    def _run(self) -> None:
        while not self._stop.is_set():
            self._lost = self._anchor.lost()
            self._seen = time.monotonic()
            self._stop.wait(EVERY)


def _identity(path: Path) -> Identity:
    status = os.stat(path)
    return status.st_dev, status.st_ino
