"""Queues that people have told to send nothing, kept in a small file that survives restarts.

A *paused* queue sends no pilots; those it has go on. A *draining* one also takes back its pilots that do
not run yet, so that it runs empty. Both end by themselves at a wall-clock time, or when somebody resumes
the queue. The name `*` stands for all queues.

A file that cannot be read is moved aside, never deleted, and all queues are paused until a person has looked:
a queue that somebody paused must not send because a disk was faulty.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from autopyfactory.external import atomicfile
from autopyfactory.model.serialize import from_plain, to_plain

log = logging.getLogger("autopyfactory.pauses")

ALL = "*"
_WITH_ALL = " with all queues"
LOOK = 1.0  # seconds between two looks whether somebody else has changed the file


class PauseError(Exception):
    """A pause cannot be kept; nothing has changed."""


class PauseTaken(PauseError):
    """Somebody else's order is in force, and it was not asked to replace it."""


@dataclass(frozen=True, slots=True)
class Pause:
    """An order to send nothing for one queue (or `*`)."""

    queue: str
    since: datetime
    kind: Literal["paused", "draining"] = "paused"
    until: datetime | None = None  # None: until somebody resumes it
    reason: str = ""
    by: str = ""

    @property
    def drains(self) -> bool:
        """Whether pilots that do not run yet are to be taken back."""
        return self.kind == "draining"

    @property
    def words(self) -> str:
        """Say what is in force, until when, by whom and why, in one line."""
        until = f"until {self.until:%Y-%m-%d %H:%MZ}" if self.until else "until resumed"
        everything = _WITH_ALL if self.queue == ALL else ""
        by = f" by {self.by}" if self.by else ""  # not last: "until resumed by anna"
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.kind}{everything}{by} since {self.since:%Y-%m-%d %H:%MZ} {until}{reason}"

    def over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return self.until is not None and now >= self.until


def resumes(queue: str, words: str) -> str:
    """Return the command that ends the order on `queue` which `words` tell."""
    everything = queue == ALL or _WITH_ALL in words.partition(" since ")[0]
    return f"resume {'--all' if everything else queue}"


class Pauses:
    """The pauses of one factory; may be used by several threads."""

    def __init__(self, path: Path):
        """Read `path`; a file that does not exist means that nothing is paused."""
        self._path = path
        self._lock = threading.Lock()
        self._pauses: dict[str, Pause] = {}
        self._seen: tuple[int, int, int] | None = None
        self._look_at = 0.0  # monotonic
        self._stop: threading.Event | None = None  # of the thread that looks, if one does
        with self._lock:
            self._refresh(first=True)

    def watch(self) -> None:
        """Let a thread look whether somebody has changed the file, so that `get` waits for no disk."""
        if self._stop is None:
            self._stop = threading.Event()
            threading.Thread(target=self._watch, args=(self._stop,), name="pauses", daemon=True).start()

    def stop(self) -> None:
        """Ask that thread to end."""
        if self._stop is not None:
            self._stop.set()

    def _watch(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK):
            with self._lock:
                self._refresh()

    def get(self, queue: str, now: datetime | None = None) -> Pause | None:
        """Return the pause in force for `queue`: its own, else one for all queues."""
        now = now or datetime.now(UTC)
        if self._stop is None and (mono := time.monotonic()) >= self._look_at:
            self._look_at = mono + LOOK
            with self._lock:
                self._refresh()
        known = self._pauses  # replaced as a whole
        for name in (queue, ALL):
            pause = known.get(name)
            if pause is not None and not pause.over(now):
                return pause
        return None

    def all(self, now: datetime | None = None) -> Mapping[str, Pause]:
        """Return every pause in force, by queue; `*` stands for all queues."""
        now = now or datetime.now(UTC)
        with self._lock:
            self._refresh()
            return {name: p for name, p in sorted(self._pauses.items()) if not p.over(now)}

    def set(self, pause: Pause, *, replace: bool = False) -> Pause | None:
        """Put `pause` in force; return the order of that queue whose place it takes.

        Raises PauseTaken when that is somebody else's, unless `replace`; PauseError.
        """
        with self._lock:
            self._refresh()
            kept = {n: p for n, p in self._pauses.items() if not p.over(datetime.now(UTC))}
            before = kept.get(pause.queue)
            if before is not None and before.by != pause.by and not replace:
                raise PauseTaken(f"it is {before.words}; `--replace` puts yours in its place")
            self._write({**kept, pause.queue: pause})
        return before

    def clear(self, queue: str) -> Pause | None:
        """End the pause of `queue` (`*`: the one for all queues); return what it was. Raises PauseError."""
        with self._lock:
            self._refresh()
            ended = self._pauses.get(queue)
            if ended is None:
                return None
            self._write({n: p for n, p in self._pauses.items() if n != queue})
        return ended

    # -- with the lock held -------------------------------------------------------------------------

    def _refresh(self, *, first: bool = False) -> None:
        """Read the file again if somebody changed it."""
        try:
            stamp = _stamp(self._path)
            if stamp == self._seen:
                return
            found = _read(self._path)
        except FileNotFoundError:
            self._restore()
        except OSError as err:  # it may be whole: what is known stays in force, and it is tried again
            log.error("%s cannot be read: %s", self._path, err)
            if first:
                self._pauses = self._everything(err)
        except ValueError as err:
            self._mend(err, first=first)
        else:
            self._pauses, self._seen = found, stamp

    def _restore(self) -> None:
        """Keep what was known of a file that is gone, and write it anew if its folder is still there."""
        if self._seen is None:
            return  # there was none, or this is told already
        self._seen = None
        log.error("%s is gone; the pauses in force stay", self._path)
        if self._path.parent.is_dir():
            try:
                self._write(dict(self._pauses))
            except PauseError as err:
                log.error("%s", err)

    def _everything(self, err: Exception, where: str = "") -> dict[str, Pause]:
        reason = f"{self._path} cannot be read ({err}){where}: which queues are paused is not known"
        return {ALL: Pause(ALL, datetime.now(UTC), reason=reason, by="autopyfactory")}

    def _mend(self, err: Exception, *, first: bool) -> None:
        """Move a damaged file out of the way, and stay on the safe side."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        aside = self._path.with_name(f"{self._path.name}.broken-{stamp}")
        # a running factory still knows its pauses; one that starts knows nothing
        pauses = self._everything(err, f", see {aside.name}") if first else dict(self._pauses)
        what = "all queues are paused until `autopyfactory resume --all`" if first else "it is written anew"
        log.error("%s is damaged: %s; moved to %s; %s", self._path, err, aside.name, what)
        try:
            self._path.rename(aside)
            self._write(pauses)
        except (OSError, PauseError) as problem:
            log.error("%s", problem)
            self._pauses, self._seen = pauses, None

    def _write(self, pauses: dict[str, Pause]) -> None:
        text = json.dumps({"pauses": [to_plain(p) for p in pauses.values()]}, indent=1, ensure_ascii=False)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            atomicfile.replace(self._path, f"{text}\n".encode(), mode=atomicfile.OWNER)
        except OSError as err:
            raise PauseError(f"{self._path} cannot be written: {err.strerror or err}") from err
        self._pauses, self._seen = pauses, _stamp(self._path)


def look(path: Path, now: datetime) -> Mapping[str, Pause]:
    """Return the pauses in force, changing nothing: for who only wants to see. Raises PauseError."""
    try:
        return {name: p for name, p in _read(path).items() if not p.over(now)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as err:
        raise PauseError(f"{path} cannot be read: {err}") from err


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read(path: Path) -> dict[str, Pause]:
    data = json.loads(path.read_text())
    if not isinstance(data, dict) or not isinstance(data.get("pauses"), list):
        raise ValueError("no list of pauses in it")
    pauses = [from_plain(Pause, p) for p in data["pauses"]]
    for p in pauses:
        if p.kind not in ("paused", "draining"):
            raise ValueError(f"{p.queue} is said to be {p.kind}")
    return {p.queue: p for p in pauses}
