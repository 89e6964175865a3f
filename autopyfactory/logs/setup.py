"""Logging: one log of the factory, one log per queue, and nobody who waits for a disk.

Records are formatted where they arise and written by one thread, so that a slow disk, a full pipe or a
stopped terminal never delays a cycle; when too many wait, the oldest are dropped and counted. A queue's
records (logger `autopyfactory.queue.<queue>`) go to the queue's own file; what is worth a warning also
goes to the factory's log, and with debug everything does. Times are UTC.
"""

from __future__ import annotations

import errno
import logging
import logging.handlers
import os
import sys
import time
from pathlib import Path

from autopyfactory.logs.counts import COUNTS
from autopyfactory.logs.files import Complaints, FileHandler, QueueFilesHandler
from autopyfactory.logs.lines import Lines, apart
from autopyfactory.logs.writer import Writer
from autopyfactory.model.text import visible

QUEUE_PREFIX = "autopyfactory.queue."
SYSLOG_SOCKET = "/dev/log"

_NOT_SHOWN = {"_srcfile": None, "logThreads": False, "logProcesses": False, "logMultiprocessing": False}


class CannotLog(Exception):
    """The log that was asked for cannot be opened."""


def queue_logger(queue: str) -> logging.Logger:
    """Return the logger of a queue."""
    return logging.getLogger(QUEUE_PREFIX + queue)


class LineFormatter(logging.Formatter):
    """`2026-11-22 18:00:00Z INFO  text`; further lines are indented: no text can pass for a record."""

    converter = staticmethod(time.gmtime)

    def __init__(self, names: bool, stamp: bool = True):
        super().__init__(datefmt="%Y-%m-%d %H:%M:%SZ")
        self.names = names
        self.stamp = stamp
        self._second = (-1, "")  # the last one, and how it is written: most lines come many to a second

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Return when the record arose."""
        second, text = self._second
        if second != int(record.created):
            second, text = self._second = int(record.created), super().formatTime(record, datefmt)
        return text

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text, without the last line end."""
        stamp = f"{self.formatTime(record, self.datefmt)} " if self.stamp else ""
        head = f"{stamp}{record.levelname:<5} {self._who(record.name)}"
        if isinstance(record.msg, Lines):
            return "\n".join([head + _shown(text) for text in record.msg])
        text = record.getMessage()
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            text = f"{text}\n{record.exc_text}"
        if record.stack_info:
            text = f"{text}\n{record.stack_info}"
        return head + _shown(text)

    def _who(self, name: str) -> str:
        """A queue is always named in the factory's log, other parts of the factory only when debugging."""
        if name.startswith(QUEUE_PREFIX):
            return f"[{name.removeprefix(QUEUE_PREFIX)}] " if self.names else ""
        own = name == "autopyfactory" or name.startswith("autopyfactory.")
        return "" if own else f"[{name}] "


def _shown(text: str) -> str:
    return visible(text).rstrip("\n").replace("\n", "\n    ")


class StdoutHandler(logging.Handler):
    """Writes records to a file descriptor, standard output's unless told otherwise.

    Not through `sys.stdout`: what its buffer cannot get rid of would spoil the exit code at the end.
    """

    def __init__(self, complaints: Complaints, fd: int = 1):
        super().__init__()
        self.complaints = complaints
        self.fd = fd

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; trouble is counted and told on stderr, never raised."""
        try:
            data = (self.format(record) + "\n").encode(errors="backslashreplace")
            while data:
                data = data[os.write(self.fd, data) :]
        except (OSError, ValueError, TypeError) as err:
            self.complaints.lost("standard output", err)


class SyslogHandler(logging.handlers.SysLogHandler):
    """The standard library's syslog handler; trouble is counted and told on stderr."""

    def __init__(self, complaints: Complaints, address: str):
        super().__init__(address=address, facility=logging.handlers.SysLogHandler.LOG_DAEMON)
        self.complaints = complaints
        self.ident = f"autopyfactory[{os.getpid()}]: "
        self.append_nul = False

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record under the process id of now: detaching changes it."""
        self.ident = f"autopyfactory[{os.getpid()}]: "
        for one in apart(record):
            super().emit(one)

    def handleError(self, record: logging.LogRecord) -> None:
        """Count the loss of a record."""
        self.complaints.lost("syslog", sys.exc_info()[1] or OSError("unknown error"))


class _Entry(logging.handlers.QueueHandler):
    """Hands records to the writer."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Fill in the text now, as what it tells of may change; the rest is the writer's work.

        The base class also formats and copies each record, for readers in other processes.
        """
        if not isinstance(record.msg, Lines):
            record.msg, record.args = record.getMessage(), None
        return record


class _NotQueues(logging.Filter):
    """Lets a queue's records into the factory's log when they are warnings, or when they go nowhere else."""

    def __init__(self, logs: Logs):
        super().__init__()
        self.logs = logs

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record belongs in the factory's log."""
        if self.logs.level <= logging.DEBUG or self.logs.queues is None or record.levelno >= logging.WARNING:
            return True
        return not record.name.startswith(QUEUE_PREFIX)


class Logs:
    """The logging of one process. Made by `setup`."""

    def __init__(self, level: int):
        self.level = level
        self.complaints = Complaints()
        self.writer = Writer()
        self.queues: QueueFilesHandler | None = None
        self._entry = _Entry(self.writer)  # type: ignore[arg-type]
        self._previous: list[tuple[logging.Logger, int]] = []
        self._collect: dict[str, object] = {}

    def add(self, handler: logging.Handler, *, stamp: bool = True) -> None:
        """Write the factory's log to `handler` too."""
        handler.setLevel(self.level)
        handler.setFormatter(LineFormatter(names=True, stamp=stamp))
        handler.addFilter(_NotQueues(self))
        self.writer.handlers.append(handler)

    def keep_queue_logs(self, logdir: Path) -> None:
        """Give each queue its own log below `logdir`. Raises CannotLog when the folder cannot be made."""
        folder = logdir / "queues"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            if err.errno not in (errno.ENOSPC, errno.EDQUOT):  # a full disk may be empty again tomorrow
                raise CannotLog(f"cannot make the folder of the queues' logs: {err}") from err
        if not os.access(folder, os.W_OK | os.X_OK) and folder.exists():
            raise CannotLog(f"cannot write to the folder of the queues' logs {folder}")
        self.queues = QueueFilesHandler(folder, QUEUE_PREFIX, self.complaints)
        self.queues.setLevel(min(self.level, logging.INFO))
        self.queues.setFormatter(LineFormatter(names=False))
        self.queues.addFilter(lambda record: record.name.startswith(QUEUE_PREFIX))
        self.writer.handlers.append(self.queues)

    def install(self) -> None:
        """Take over the process's logging: our own loggers, and the warnings of everybody else."""
        for logger, level in (
            (logging.getLogger(), logging.WARNING),
            (logging.getLogger("autopyfactory"), min(self.level, logging.INFO)),
        ):
            self._previous.append((logger, logger.level))
            logger.setLevel(level)
        # What no format of ours shows need not be found out for every line (see "Optimization" in the
        # standard library's logging HOWTO): a cycle spends half its time on its log.
        self._collect = {name: getattr(logging, name) for name in _NOT_SHOWN}
        for name, off in _NOT_SHOWN.items():
            setattr(logging, name, off)
        logging.getLogger().addHandler(self._entry)
        logging.getLogger().addHandler(COUNTS)
        logging.captureWarnings(True)
        os.register_at_fork(after_in_child=self.writer.forked)

    def start(self) -> None:
        """Write in a thread of its own from now on (after detaching: threads do not survive a fork)."""
        self.writer.start()

    def reopen(self) -> None:
        """Close all files; the next records open what is there then. For log rotation and detaching.

        The writing thread does it, so that nobody waits for a file that hangs.
        """
        self.writer.put_nowait(self._close_files)

    def _close_files(self) -> None:
        for handler in self.writer.handlers:
            handler.acquire()
            try:
                handler.close()
            finally:
                handler.release()

    def flush(self, timeout: float = 5.0) -> bool:
        """Wait at most `timeout` seconds until what was logged is written; say whether it was."""
        return self.writer.flush(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Write what waits, within `timeout` seconds, and give the process's logging back."""
        done = self.writer.stop(timeout)
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(self._entry)
        logging.getLogger().removeHandler(COUNTS)
        for logger, level in self._previous:
            logger.setLevel(level)
        self._previous.clear()
        for name, on in self._collect.items():
            setattr(logging, name, on)
        if done:
            self._close_files()
        return done


def _file_handler(path: Path, complaints: Complaints) -> FileHandler:
    handler = FileHandler(path, complaints)
    try:
        handler.file.open()
    except OSError as err:
        if err.errno not in (errno.ENOSPC, errno.EDQUOT):  # a full disk may be empty again tomorrow
            raise CannotLog(f"cannot write the log file {path}: {err}") from err
        complaints.lost(str(path), err)
    return handler


def setup(
    target: str = "stdout",
    level: int = logging.WARNING,
    *,
    console: bool = False,
    syslog_socket: str = SYSLOG_SOCKET,
) -> Logs:
    """Set up logging: `target` is `stdout`, `syslog` or a file. Raises CannotLog.

    `console` writes to standard output too. Call `start` on what is returned once no more forks follow,
    `keep_queue_logs` once it is known where they go, and `close` at the end.
    """
    logs = Logs(level)
    if target == "stdout":
        logs.add(StdoutHandler(logs.complaints))
    elif target == "syslog":
        if not Path(syslog_socket).is_socket():  # the handler itself would wait for it for ever
            raise CannotLog(f"cannot reach syslog: there is no {syslog_socket}")
        logs.add(SyslogHandler(logs.complaints, syslog_socket), stamp=False)
    else:
        logs.add(_file_handler(Path(target), logs.complaints))
    if console and target != "stdout":
        logs.add(StdoutHandler(logs.complaints))
    logs.install()
    return logs
