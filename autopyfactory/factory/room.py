"""Watches the room, bytes and inodes, of every tree that the factory and its pilots' logs are written to.

A full tree of logs makes pilots fail that have run for hours, since their output cannot come back; a full
state folder makes the factory forget. So no queue sends any more while there is still some room left. A tree
of pilots' logs that cannot be written to (mounted read-only, given to others) is as good as a full one.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autopyfactory.options.common import FactoryOptions

log = logging.getLogger("autopyfactory.room")

INTERVAL = 10.0  # seconds between two looks
PATIENCE = 60.0  # seconds without an answer of a file system, until it is told that nothing is known
FIRST_LOOK = 2.0  # seconds that the first look gets before queues start
PILOTS = "the pilots' logs"  # in new folders, one per day and queue: so the tree itself has to be open to us
SHUT = "cannot be written to"
AMPLE = 10  # times the least room: with less than this it is told ahead


@dataclass(frozen=True, slots=True)
class Least:
    """The least room that a tree must have for queues to send."""

    bytes: int
    inodes: int


@dataclass(frozen=True, slots=True)
class Room:
    """The room of one tree. Some file systems have no fixed number of inodes: None.

    `shut` says why nothing can be written there; empty: it can.
    """

    bytes: int
    inodes: int | None
    shut: str = ""

    def below(self, least: Least, times: int = 1) -> str:
        """Return what there is less of than `times` the least, in words; nothing when there is enough."""
        if self.bytes < least.bytes * times:
            return f"{self.bytes / 1e6:.0f} MB left"
        if self.inodes is not None and self.inodes < least.inodes * times:
            return f"{self.inodes} inodes left"
        return ""


def room(path: Path) -> Room:
    """Return the room at `path`, or where it will be made. Raises OSError."""
    while not path.exists() and path != path.parent:
        path = path.parent
    found = os.statvfs(path)
    shut = ""
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        shut = os.strerror(errno.EROFS if found.f_flag & os.ST_RDONLY else errno.EACCES)
    return Room(found.f_bavail * found.f_frsize, found.f_favail if found.f_files else None, shut)


class RoomWatch:
    """A thread that looks, so that a file system that hangs delays no cycle."""

    def __init__(
        self,
        trees: Callable[[], Mapping[str, Path]],
        least: Callable[[], Least],
        look: Callable[[Path], Room] = room,
    ):
        """Watch `trees`, by what they are for, as they are named at each look."""
        self._trees = trees
        self._least = least
        self._look = look
        self._full: Mapping[str, str] = {}
        self._low: Mapping[str, str] = {}
        self.rooms: Mapping[str, Room] = {}  # what was seen last, by what the tree is for
        self._seen = float("-inf")  # monotonic, when all was looked at last
        self._looked = threading.Event()
        self._looking_at = ""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look; wait for the first look, but not for ever: until it is done nothing is known."""
        self._thread = threading.Thread(target=self._run, name="room", daemon=True)
        self._thread.start()
        self._looked.wait(FIRST_LOOK)

    def stop(self) -> None:
        """Ask the thread to end."""
        self._stop.set()

    def full(self) -> tuple[str, ...]:
        """Return why nothing may be sent, in words; empty: there is room. Returns at once."""
        if self._thread is not None and time.monotonic() - self._seen > PATIENCE:
            return (f"no room is known of: {self._looking_at} does not answer", *self._full.values())
        return tuple(self._full.values())

    def low(self) -> tuple[str, ...]:
        """Return what is running out, in words. Returns at once."""
        return tuple(self._low.values())

    def look(self) -> None:
        """Look at every tree once; called by the thread, and by tests."""
        least = self._least()
        full: dict[str, str] = {}
        low: dict[str, str] = {}
        rooms: dict[str, Room] = {}
        for what, path in self._trees().items():
            self._looking_at = f"{what} {path}"
            try:
                found = self._look(path)
            except OSError as err:
                full[what] = f"no room is known of: {what} {path}: {err.strerror or err}"
                continue
            rooms[what] = found
            if found.shut and what == PILOTS:
                full[what] = f"{what} {path} {SHUT}: {found.shut}"
            elif words := found.below(least):
                full[what] = f"no room in {what} {path}: {words}"
            elif words := found.below(least, AMPLE):
                low[what] = f"{what} {path} is running full: {words}"
        for words in _news(self._full, full):
            log.error("%s: no queue sends", words)
        for words in _news(self._low, low):
            log.warning("%s", words)
        for what in self._full.keys() - full.keys():
            shut = SHUT in self._full[what]
            log.warning("%s can be written to again" if shut else "there is room in %s again", what)
        self._full, self._low, self.rooms = full, low, rooms
        self._seen = time.monotonic()
        self._looked.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.look()
            self._stop.wait(INTERVAL)


def room_watch(options: Callable[[], FactoryOptions], state: Path, logs: Collection[Path]) -> RoomWatch:
    """Return who watches all that a factory writes to, with its options as they are at each look."""

    def written() -> Mapping[str, Path]:
        return trees(state, Path(options().base_log_dir).expanduser(), logs)

    def least() -> Least:
        return Least(options().room_minimum * 1_000_000, options().room_inodes)

    return RoomWatch(written, least)


def _news(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    """Yield what is said for the first time: numbers that change are no news."""
    for what in now.keys() - before.keys():
        yield now[what]


def trees(state: Path, pilots: Path, logs: Iterable[Path]) -> dict[str, Path]:
    """Return what is written to, by what it is for."""
    found = {"the state folder": state, PILOTS: pilots}
    for path in logs:
        found[f"the logs {path}" if "the factory's logs" in found else "the factory's logs"] = path
    return found
