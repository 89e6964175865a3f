"""Where log lines end up: files that outlive rotation and full disks, and at most a few of them open.

Lines are written unbuffered and in append mode, all that belong to one file at a time, so that nothing is
half kept in memory when the disk is full, and a line is in the file when the write returns.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from autopyfactory.logs.lines import apart, lines_of
from autopyfactory.model.queuefolder import queue_folder
from autopyfactory.model.text import are, count

TOLD_AGAIN = 3600.0  # seconds until the same trouble is told on stderr again
OPEN_FILES = 64  # queue logs that are kept open at a time


class LogFile:
    """One file that lines are appended to; follows a rotation by itself, opens itself when needed."""

    def __init__(self, path: Path):
        self.path = path
        self._fd: int | None = None
        self._torn = False  # the last line found no room for its end

    def open(self) -> int:
        """Open the file (made with its folder when missing) unless it is open. Raises OSError."""
        if self._fd is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        return self._fd

    def _moved(self, fd: int) -> bool:
        mine = os.fstat(fd)
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            return True
        return (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino)

    def write(self, data: bytes) -> int:
        """Append `data`; return how many of its bytes found room. Raises OSError."""
        fd = self.open()
        if self._moved(fd):
            self.close()
            fd = self.open()
        mend = b"\n" if self._torn else b""
        done = os.write(fd, mend + data)
        self._torn = done < len(mend + data) and (done > 0 or self._torn)
        return max(0, done - len(mend))

    def close(self) -> None:
        """Close the file; the next line opens it anew."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)


class Complaints:
    """Tells on stderr, once per kind, that lines cannot be written; and remembers how many are missing."""

    def __init__(self) -> None:
        self._lost: dict[str, int] = {}
        self._told: dict[int | None, float] = {}

    def lost(self, target: str, error: BaseException, lines: int = 1) -> None:
        """Note that `lines` for `target` are lost."""
        self.count(target, lines)
        kind = error.errno if isinstance(error, OSError) else None
        now = time.monotonic()
        if now - self._told.get(kind, -TOLD_AGAIN) < TOLD_AGAIN:
            return
        self._told[kind] = now
        text = f"autopyfactory: cannot log to {target}: {error}; lines are lost, the work goes on\n"
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):  # stderr is full, closed or absent: nobody left to tell
            return

    def count(self, target: str, lines: int) -> None:
        """Note that more lines are lost for a reason that was told already."""
        self._lost[target] = self._lost.get(target, 0) + lines

    def missing(self, target: str) -> bool:
        """Whether `target` has lost lines, and has not been told so."""
        return target in self._lost

    def recovered(self, target: str) -> int:
        """Return how many lines `target` has lost, and forget it."""
        return self._lost.pop(target, 0) if self._lost else 0


def warning(name: str, text: str) -> logging.LogRecord:
    """Make a record of our own about what happened to others."""
    return logging.makeLogRecord(
        {"name": name, "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
    )


class GatheringHandler(logging.Handler):
    """A handler that takes many records at once."""

    def handle_all(self, records: Iterable[logging.LogRecord]) -> None:
        """Write those records that pass the filters."""
        passed = [record for record in records if self.filter(record)]
        self.acquire()
        try:
            self.emit_all(passed)
        finally:
            self.release()

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.emit_all([record])

    def emit_all(self, records: Sequence[logging.LogRecord]) -> None:
        """Write records; trouble is counted and told on stderr, never raised."""
        raise NotImplementedError


class FileHandler(GatheringHandler):
    """Writes records to one file."""

    def __init__(self, path: Path, complaints: Complaints):
        super().__init__()
        self.file = LogFile(path)
        self.complaints = complaints

    def emit_all(self, records: Sequence[logging.LogRecord]) -> None:
        """Append records; trouble is counted and told on stderr, never raised."""
        append(self, self.file, self.complaints, records)

    def close(self) -> None:
        """Close the file; a later record opens it anew."""
        self.file.close()
        super().close()


class QueueFilesHandler(GatheringHandler):
    """Writes each queue's records to `<folder>/<queue>.log`, with few files open at a time."""

    def __init__(self, folder: Path, prefix: str, complaints: Complaints, limit: int = OPEN_FILES):
        super().__init__()
        self.folder = folder
        self.prefix = prefix
        self.limit = limit
        self.complaints = complaints
        self._files: OrderedDict[str, LogFile] = OrderedDict()

    @property
    def open_files(self) -> int:
        """How many files are open now."""
        return len(self._files)

    def emit_all(self, records: Sequence[logging.LogRecord]) -> None:
        """Append records to their queues' files; trouble is counted and told on stderr, never raised."""
        by_queue: dict[str, list[logging.LogRecord]] = {}
        for record in records:
            by_queue.setdefault(record.name.removeprefix(self.prefix), []).append(record)
        for queue, own in by_queue.items():
            append(self, self._file(queue), self.complaints, own)

    def _file(self, queue: str) -> LogFile:
        name = queue_folder(queue)
        if name not in self._files:
            while len(self._files) >= self.limit:
                self._files.popitem(last=False)[1].close()
            self._files[name] = LogFile(self.folder / f"{name}.log")
        self._files.move_to_end(name)
        return self._files[name]

    def close(self) -> None:
        """Close all files; later records open them anew."""
        while self._files:
            self._files.popitem()[1].close()
        super().close()


def append(
    handler: logging.Handler, file: LogFile, complaints: Complaints, records: Sequence[logging.LogRecord]
) -> None:
    """Write `records` to `file` as `handler` formats them, and a note about lines that were lost before."""
    target = str(file.path)
    if complaints.missing(target):
        records = [one for record in records for one in apart(record)]
    if complaints.missing(target) and records:
        first, *records = records
        if not _write(handler, file, complaints, [first]):
            complaints.count(target, len(records))
            return
        n = complaints.recovered(target)
        what = f"{count(n, 'line')} before the last one {are(n)} missing"
        text = f"{what}: {'it' if n == 1 else 'they'} could not be written"
        if not _write(handler, file, complaints, [warning(first.name, text)]):
            complaints.count(target, n - 1)  # in the place of the one that told it
    if records:
        _write(handler, file, complaints, records)


def _write(
    handler: logging.Handler, file: LogFile, complaints: Complaints, records: Sequence[logging.LogRecord]
) -> bool:
    """Write `records` with one call, count those that did not get in whole, and return whether all did."""
    target = str(file.path)
    data, taken = [], []
    for record in records:
        try:
            data.append(_line(handler, record))
            taken.append(record)
        except (ValueError, TypeError) as err:
            complaints.lost(target, err)
    whole = b"".join(data)
    try:
        room = file.write(whole)
    except (OSError, ValueError) as err:
        complaints.lost(target, err, sum(map(lines_of, taken)))
        return False
    if room >= len(whole):
        return True
    ends = accumulate(len(_line(handler, one)) for record in taken for one in apart(record))
    torn = sum(end > room for end in ends)
    complaints.lost(target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target), torn)
    return False


def _line(handler: logging.Handler, record: logging.LogRecord) -> bytes:
    return (handler.format(record) + "\n").encode(errors="backslashreplace")
