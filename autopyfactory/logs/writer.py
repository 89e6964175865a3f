"""The thread that writes log records, so that nobody else waits for a disk, a pipe or a terminal.

It lets records gather for a moment and writes what belongs together at once: a thousand queues that wake up
together would otherwise open and close a file for every line, and wake this thread for each.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from autopyfactory.logs.files import GatheringHandler, warning
from autopyfactory.logs.lines import lines_of

WAITING = 20_000  # records that may wait to be written
GATHER = 0.1  # seconds that a record waits for others
BURST = 100  # records within that time: so many let those who log get done first
LONGEST = 1.0  # seconds that a record waits in a burst

Item = logging.LogRecord | Callable[[], None]


class Writer:
    """Hands records to handlers in a thread of its own. Without that thread it does so at once."""

    def __init__(self, limit: int = WAITING):
        self.handlers: list[logging.Handler] = []
        self._forget(limit)

    def _forget(self, limit: int) -> None:
        self._waiting: deque[Item] = deque(maxlen=limit)
        self._lock = threading.Lock()
        self._awake = threading.Event()  # something waits
        self._hurry = threading.Event()  # somebody waits until it is written
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._dropped = 0

    def put_nowait(self, item: Item) -> None:
        """Take a record (what `logging.handlers.QueueHandler` calls) or something to do between two."""
        if not self._put(item):
            self._write([item])

    def _put(self, item: Item) -> bool:
        with self._lock:
            if self._thread is None:
                return False
            if len(self._waiting) == self._waiting.maxlen:
                oldest = self._waiting[0]
                self._dropped += lines_of(oldest) if isinstance(oldest, logging.LogRecord) else 0
            self._waiting.append(item)
        if not self._awake.is_set():
            self._awake.set()
        return True

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._awake.wait()
            self._gather()
            with self._lock:
                items, dropped = list(self._waiting), self._dropped
                self._waiting.clear()
                self._dropped = 0
                self._awake.clear()
                if not items and self._stopping:
                    self._thread = None
                    return
                if self._stopping:
                    self._awake.set()
            if dropped:
                text = f"{dropped} log lines were dropped here: they came faster than they could be written"
                self._write([warning("autopyfactory", text)])
            self._write(items)

    def _gather(self) -> None:
        """Let records gather for a moment, in a burst until it is over: those who log get done first."""
        end, seen = time.monotonic() + LONGEST - GATHER, 0
        while not self._hurry.wait(GATHER):
            came, seen = len(self._waiting) - seen, len(self._waiting)
            if came < BURST or 2 * seen > (self._waiting.maxlen or WAITING) or time.monotonic() > end:
                return

    def _write(self, items: Iterable[Item]) -> None:
        records: list[logging.LogRecord] = []
        for item in items:
            if isinstance(item, logging.LogRecord):
                records.append(item)
                continue
            self._hand_out(records)
            records = []
            item()
        self._hand_out(records)

    def _hand_out(self, records: Sequence[logging.LogRecord]) -> None:
        for handler in tuple(self.handlers):
            wanted = [r for r in records if r.levelno >= handler.level]
            if isinstance(handler, GatheringHandler):
                handler.handle_all(wanted)
            else:
                for record in wanted:
                    handler.handle(record)

    def flush(self, timeout: float) -> bool:
        """Wait until everything taken so far is written; False when that takes longer than `timeout` s."""
        written = threading.Event()
        if not self._put(written.set):
            return True
        self._hurry.set()
        try:
            return written.wait(timeout)
        finally:
            self._hurry.clear()

    def stop(self, timeout: float) -> bool:
        """Write what waits and end the thread; False when that takes longer than `timeout` seconds."""
        thread, self._stopping = self._thread, True
        self._hurry.set()
        self._awake.set()
        if thread is not None:
            thread.join(timeout)
        self._hurry.clear()
        return thread is None or not thread.is_alive()

    def forked(self) -> None:
        """In a forked child: there is no thread and no lock to rely on, and what waits is the parent's."""
        self._forget(self._waiting.maxlen or WAITING)
