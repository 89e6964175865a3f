"""The pilots' files, as pages show them: pilots write them, so neither names nor content are trusted.

A path is resolved below the base one name after the other, by descriptors, following no link. Of a file at
most some kilobytes of its head and tail are read; what could do something in a browser or terminal is written
out, and what looks like a secret is masked. Files of closed days may be compressed (`name.zst`): nobody who
reads them here notices.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autopyfactory.logs import packed
from autopyfactory.logs.packed import Damaged, Frames
from autopyfactory.model.redact import MASK, hidden
from autopyfactory.model.text import visible

HEAD, TAIL = 16 * 1024, 64 * 1024  # bytes of a file that a page shows
MOST = 128 * 1024  # bytes of one answer
LISTED = 1000  # files of one listing
SCANNED = 100_000  # names that are looked at for it
PIECE = 1024  # characters that are searched for secrets at a time: what is hostile costs little then
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_FILE = re.compile(r"(\d{1,12})\.(\d{1,9})\.(out|err|log)")
_TOKEN = re.compile(r"eyJ[^\s\"'<>]{40,}")


class NoSuchLog(Exception):
    """There is no such file or folder, or it may not be shown; the text says which."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a file, fit to be shown."""

    text: str
    offset: int  # bytes
    length: int
    size: int  # of the whole file


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a pilot."""

    name: str
    size: int
    changed: datetime

    @property
    def pilot(self) -> str:
        """Return its `cluster.proc`."""
        return self.name.rpartition(".")[0]


def is_day(name: str) -> bool:
    """Whether `name` is that of a day's folder."""
    return _DAY.fullmatch(name) is not None


def days(base: Path, most: int = 400) -> list[str]:
    """Return the days that there are, the latest first. Raises NoSuchLog."""
    with _folder(base) as handle:
        return sorted((n for n in _names(handle) if is_day(n)), reverse=True)[:most]


def queues(base: Path, day: str) -> list[str]:
    """Return the folders of queues of a day, sorted. Raises NoSuchLog."""
    with _folder(base, _checked_day(day)) as handle:
        return sorted(n for n in _names(handle) if _is_plain(n))


def files(base: Path, day: str, queue: str, after: str = "") -> list[Entry]:
    """Return up to LISTED files of a queue's day, by name, those behind `after`. Raises NoSuchLog."""
    with _folder(base, _checked_day(day), _checked_queue(queue)) as handle:
        names = {n.removesuffix(packed.SUFFIX) for n in _names(handle)}
        wanted = [n for n in names if _FILE.fullmatch(n) and _order(n) > _order(after)]
        found = []
        for name in sorted(wanted, key=_order)[:LISTED]:
            try:
                with _stored(handle, name) as file:
                    found.append(Entry(name, file.size, datetime.fromtimestamp(file.changed, UTC)))
            except NoSuchLog:
                continue  # it is gone meanwhile, or is none that may be shown
        return found


def queues_with(base: Path, day: str, pilot: str, most: int = 100) -> list[str]:
    """Return the folders of queues that have files of `pilot` (`cluster.proc`) of a day. Raises NoSuchLog."""
    names = [f"{pilot}.{kind}{end}" for kind in ("log", "out", "err") for end in ("", packed.SUFFIX)]
    if not _FILE.fullmatch(f"{pilot}.out"):
        raise NoSuchLog("not the number of a pilot")
    found = []
    with _folder(base, _checked_day(day)) as handle:
        for queue in sorted(n for n in _names(handle) if _is_plain(n)):
            if any(_is_file(f"{queue}/{name}", handle) for name in names):
                found.append(queue)
            if len(found) >= most:
                break
    return found


def _is_file(path: str, handle: int) -> bool:
    try:
        return stat.S_ISREG(os.stat(path, dir_fd=handle, follow_symlinks=False).st_mode)
    except OSError:
        return False


def exist(base: Path, day: str, queue: str) -> bool:
    """Whether there is a folder of a queue's day."""
    try:
        with _folder(base, _checked_day(day), _checked_queue(queue)):
            return True
    except NoSuchLog:
        return False


def excerpts(base: Path, day: str, queue: str, name: str) -> list[Excerpt]:
    """Return the head and the tail of a file, or all of it in one piece. Raises NoSuchLog."""
    with _opened(base, day, queue, name) as file:
        if file.size <= HEAD + TAIL:
            return [_read(file, 0, HEAD + TAIL)]
        return [_read(file, 0, HEAD), _read(file, file.size - TAIL, TAIL)]


def part(base: Path, day: str, queue: str, name: str, offset: int, length: int) -> Excerpt:
    """Return `length` bytes (MOST at most) from `offset`, a negative one from the end. Raises NoSuchLog."""
    with _opened(base, day, queue, name) as file:
        start = max(0, file.size + offset) if offset < 0 else min(offset, file.size)
        return _read(file, start, min(length, MOST))


def shown(text: str) -> str:
    """Return what a pilot wrote, inert and without what looks like a secret."""
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    line = visible(_TOKEN.sub(lambda hit: MASK if "." in hit[0] else hit[0], line.rstrip("\r")))
    return "".join(hidden(line[i : i + PIECE]) for i in range(0, len(line), PIECE))


@dataclass(frozen=True, slots=True)
class _File:
    """What a pilot wrote, opened: plain, compressed, or compressed and what was written after that."""

    plain: int | None
    packed: int | None
    frames: Frames
    size: int
    changed: float  # Unix time

    def read(self, start: int, length: int) -> bytes:
        """Return a part. Raises OSError, Damaged."""
        before, data = self.frames.size, b""
        if self.packed is not None and start < before:
            data = packed.read(self.packed, self.frames, start, min(length, before - start))
        if self.plain is not None and len(data) < length:
            data += os.pread(self.plain, length - len(data), max(0, start + len(data) - before))
        return data


def _read(file: _File, start: int, length: int) -> Excerpt:
    try:
        data = file.read(start, length)
    except (OSError, Damaged) as err:
        raise NoSuchLog(f"it cannot be read: {err}") from err
    return Excerpt(shown(data.decode("utf-8", "replace")), start, len(data), file.size)


@contextmanager
def _opened(base: Path, day: str, queue: str, name: str) -> Iterator[_File]:
    if not _FILE.fullmatch(name):
        raise NoSuchLog("not the name of a pilot's file")
    with _folder(base, _checked_day(day), _checked_queue(queue)) as folder, _stored(folder, name) as file:
        yield file


@contextmanager
def _stored(folder: int, name: str) -> Iterator[_File]:
    """Open what is kept of the file `name` in `folder`. Raises NoSuchLog."""
    with ExitStack() as stack:
        plain, wrong = _regular(name, folder, stack)
        compressed, _ = _regular(name + packed.SUFFIX, folder, stack)
        if plain is not None and compressed is not None and _as_old(plain, compressed):
            compressed = None  # it has just been compressed, and is the same
        newest = plain if plain is not None else compressed
        if newest is None:
            raise wrong or NoSuchLog("there is nothing")
        try:
            frames = packed.frames(compressed) if compressed is not None else Frames(())
        except (OSError, Damaged) as err:
            raise NoSuchLog(f"it cannot be read: {err}") from err
        size = frames.size + (os.fstat(plain).st_size if plain is not None else 0)
        yield _File(plain, compressed, frames, size, os.fstat(newest).st_mtime)


def _as_old(one: int, other: int) -> bool:
    return os.fstat(one).st_mtime_ns == os.fstat(other).st_mtime_ns


def _regular(name: str, folder: int, stack: ExitStack) -> tuple[int | None, NoSuchLog | None]:
    """Open a file that is one, until `stack` ends; else return why not."""
    try:
        handle = _open(name, os.O_RDONLY | os.O_NONBLOCK, folder)
    except NoSuchLog as err:
        return None, err
    stack.callback(os.close, handle)
    return (handle, None) if stat.S_ISREG(os.fstat(handle).st_mode) else (None, NoSuchLog("not a file"))


@contextmanager
def _folder(base: Path, *names: str) -> Iterator[int]:
    """Open a folder below `base`, one name after the other."""
    handle = _open(base, os.O_RDONLY | os.O_DIRECTORY, None, follow=True)
    try:
        for name in names:
            inner = _open(name, os.O_RDONLY | os.O_DIRECTORY, handle)
            os.close(handle)
            handle = inner
        yield handle
    finally:
        os.close(handle)


def _open(name: str | Path, flags: int, folder: int | None, *, follow: bool = False) -> int:
    try:
        return os.open(name, flags | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW), dir_fd=folder)
    except OSError as err:
        raise NoSuchLog(f"there is nothing, or it may not be shown: {err.strerror}") from err


def _names(handle: int) -> list[str]:
    found = []
    with os.scandir(handle) as entries:
        for entry in entries:
            found.append(entry.name)
            if len(found) >= SCANNED:
                break
    return found


def _checked_day(day: str) -> str:
    if not is_day(day):
        raise NoSuchLog("not a day")
    return day


def _checked_queue(name: str) -> str:
    if not _is_plain(name):
        raise NoSuchLog("not the folder of a queue")
    return name


def _is_plain(name: str) -> bool:
    return (
        bool(name) and not name.startswith(".") and "/" not in name and "\0" not in name and len(name) < 256
    )


def _order(name: str) -> tuple[int, int, str]:
    hit = _FILE.fullmatch(name)
    return (int(hit[1]), int(hit[2]), hit[3]) if hit else (-1, -1, "")
