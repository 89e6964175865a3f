"""Whether the files that pilots need, and that were on this host, are there still, and credentials hold.

A file that was never seen here may be on the host of the schedd, which only the schedd can tell. What was
here and is gone, and a credential here that says itself that it has expired, are certain: pilots sent with it
would only be held.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from autopyfactory.credentials.pilotfiles import CREDENTIALS, GONE, LARGEST, carried, ended, expiry
from autopyfactory.credentials.wallet import Choice

NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # so it is told that there is none
MOMENT = 1.0  # seconds that what was seen of a file counts: a thousand queues woken together name the same


def exists(path: str) -> bool:
    """Return whether there is such a file; raises OSError where that cannot be told."""
    try:
        os.stat(path)
    except OSError as err:
        if err.errno in NO_FILE:
            return False
        raise
    except ValueError:  # no file can have such a name
        return False
    return True


class Lately:
    """Looks whether files exist, at each that does once in a moment; used by all threads."""

    def __init__(self, moment: float = MOMENT) -> None:
        self._moment = moment
        self._known: set[str] = set()  # what is there: what is missing may be put back at any moment
        self._until = 0.0  # monotonic

    def exists(self, path: str) -> bool:
        """Return whether there is such a file, or was a moment ago; raises what `exists` raises."""
        now = time.monotonic()
        if now >= self._until:
            self._known, self._until = set(), now + self._moment
        known = self._known
        if path in known:
            return True
        found = exists(path)
        if found:
            known.add(path)
        return found


LATELY = Lately()


class PilotFiles:
    """The files of one queue's pilots."""

    def __init__(self, exists: Callable[[str], bool] = exists) -> None:
        """Prepare; `exists` tells of a path whether there is such a file, or raises OSError."""
        self._exists = exists
        self._described: Mapping[str, str] = {}  # what the last look was at
        self._named: dict[str, str] = {}  # in it, and what each is
        self._credentials: dict[str, str] = {}  # likewise
        self._here: set[str] = set()
        self._ends: dict[str, tuple[tuple[int, ...], datetime | None]] = {}

    def gone(self, description: Mapping[str, str]) -> tuple[str, ...]:
        """Look at the files of a submit description; return what is gone, in words."""
        return tuple(self._look(description))

    def _look(self, description: Mapping[str, str]) -> Iterator[str]:
        self._read(description)
        for path, what in self._named.items():
            if self._exists(path):
                self._here.add(path)
            elif path in self._here:
                yield f"{path} ({what}) {GONE}"

    def expired(self, description: Mapping[str, str], now: datetime) -> Choice | None:
        """Return that nothing may be sent, if a credential which a submit description names has expired.

        For queues that name a file, not a profile. None: it holds, says nothing of its end, is on another
        host or cannot be read by us; that is the schedd's to judge.
        """
        self._read(description)
        told = tuple(
            ended(f"the {what} {path}", end, now)
            for path, what in self._credentials.items()
            if (end := self._end(path)) is not None and end <= now
        )
        return Choice(passed=told) if told else None

    def _read(self, description: Mapping[str, str]) -> None:
        """Take in which files are named; most plugins describe anew only what has changed."""
        if description is self._described:
            return
        self._described, self._named = description, dict(carried(description))
        self._credentials = {
            path: what for command, what in CREDENTIALS.items() if (path := description.get(command))
        }
        self._here &= self._named.keys()
        for path in self._ends.keys() - self._credentials.keys():
            del self._ends[path]

    def _end(self, path: str) -> datetime | None:
        """Return when the credential in a file ends; the file is read again only when it has changed."""
        try:
            state = os.stat(path)
            mark = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
            if path not in self._ends or self._ends[path][0] != mark:
                whole = stat.S_ISREG(state.st_mode) and state.st_size <= LARGEST
                self._ends[path] = mark, expiry(Path(path).read_bytes()) if whole else None
        except OSError:
            return None
        return self._ends[path][1]
