"""Where log lines end up: files that outlive rotation and full disks, and at most a few of them open.

Every line is one unbuffered `write` in append mode, so that nothing is half kept in memory when the disk
is full, and a line is in the file when the write returns.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import sys
import time
from collections import OrderedDict
from pathlib import Path

TOLD_AGAIN = 3600.0  # seconds until the same trouble is told on stderr again
OPEN_FILES = 64  # queue logs that are kept open at a time
NAME_MAX = 200  # bytes of a file name, its extension not counted: file systems allow 255


def file_name(queue: str) -> str:
    """Turn a queue's name into the name of its folder or (with an extension) file.

    `/` and `:` become `_` as they always did; so do control characters and a leading dot.
    """
    name = re.sub(r"^\.|^$", "_", re.sub(r"[/:\x00-\x1f\x7f]", "_", queue))
    raw = name.encode(errors="surrogateescape")
    if len(raw) <= NAME_MAX:
        return name
    mark = hashlib.sha256(raw).hexdigest()[:8]
    return raw[: NAME_MAX - 9].decode(errors="ignore") + "-" + mark


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

    def write(self, data: bytes) -> None:
        """Append `data`. Raises OSError, also when only a part of it found room."""
        fd = self.open()
        if self._moved(fd):
            self.close()
            fd = self.open()
        if self._torn:
            data = b"\n" + data
        done = os.write(fd, data)
        self._torn = done < len(data) and (done > 0 or self._torn)
        if done < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

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

    def lost(self, target: str, error: BaseException) -> None:
        """Note that a line for `target` is lost."""
        self._lost[target] = self._lost.get(target, 0) + 1
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

    def recovered(self, target: str) -> int:
        """Return how many lines `target` has lost, and forget it."""
        return self._lost.pop(target, 0) if self._lost else 0


def warning(name: str, text: str) -> logging.LogRecord:
    """Make a record of our own about what happened to others."""
    return logging.makeLogRecord(
        {"name": name, "levelno": logging.WARNING, "levelname": "WARNING", "msg": text}
    )


class FileHandler(logging.Handler):
    """Writes records to one file."""

    def __init__(self, path: Path, complaints: Complaints):
        super().__init__()
        self.file = LogFile(path)
        self.complaints = complaints

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record; trouble is counted and told on stderr, never raised."""
        append(self, self.file, self.complaints, record)

    def close(self) -> None:
        """Close the file; a later record opens it anew."""
        self.file.close()
        super().close()


class QueueFilesHandler(logging.Handler):
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

    def emit(self, record: logging.LogRecord) -> None:
        """Append the record to its queue's file; trouble is counted and told on stderr, never raised."""
        append(self, self._file(record.name.removeprefix(self.prefix)), self.complaints, record)

    def _file(self, queue: str) -> LogFile:
        name = file_name(queue)
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
    handler: logging.Handler, file: LogFile, complaints: Complaints, record: logging.LogRecord
) -> None:
    """Write `record` to `file` as `handler` formats it, after a note about lines that were lost before it."""
    target = str(file.path)
    try:
        file.write((handler.format(record) + "\n").encode(errors="backslashreplace"))
    except (OSError, ValueError, TypeError) as err:
        complaints.lost(target, err)
        return
    if missing := complaints.recovered(target):
        text = f"{missing} lines before the last one are missing: they could not be written"
        append(handler, file, complaints, warning(record.name, text))
