"""The thread that writes log records, so that nobody else waits for a disk, a pipe or a terminal."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from autopyfactory.logfiles import warning

WAITING = 20_000  # records that may wait to be written


class Writer:
    """Hands records to handlers in a thread of its own. Without that thread it does so at once."""

    def __init__(self, limit: int = WAITING):
        self.handlers: list[logging.Handler] = []
        self._waiting: deque[logging.LogRecord | Callable[[], None]] = deque(maxlen=limit)
        self._change = threading.Condition()
        self._thread: threading.Thread | None = None
        self._busy = False
        self._stopping = False
        self._dropped = 0

    def put_nowait(self, item: logging.LogRecord | Callable[[], None]) -> None:
        """Take a record (what `logging.handlers.QueueHandler` calls) or something to do between two."""
        with self._change:
            if self._thread is not None:
                if len(self._waiting) == self._waiting.maxlen:
                    self._dropped += 1
                self._waiting.append(item)
                self._change.notify_all()
                return
        self._write(item)

    def _write(self, item: logging.LogRecord | Callable[[], None]) -> None:
        if not isinstance(item, logging.LogRecord):
            item()
            return
        for handler in tuple(self.handlers):
            if item.levelno >= handler.level:
                handler.handle(item)

    def start(self) -> None:
        """Start the thread."""
        with self._change:
            self._stopping = False
            self._thread = threading.Thread(target=self._run, name="log writer", daemon=True)
            self._thread.start()

    def _next(self) -> bool:
        """Write the next item when there is one; False when the thread shall end."""
        with self._change:
            self._busy = False
            self._change.notify_all()
            while not self._waiting:
                if self._stopping:
                    self._thread = None
                    return False
                self._change.wait()
            self._busy = True
            dropped, self._dropped = self._dropped, 0
            item = self._waiting.popleft()
        if dropped:
            text = f"{dropped} log lines were dropped here: they came faster than they could be written"
            self._write(warning("autopyfactory", text))
        self._write(item)
        return True

    def _run(self) -> None:
        while self._next():
            pass

    def flush(self, timeout: float) -> bool:
        """Wait until everything taken so far is written; False when that takes longer than `timeout` s."""
        with self._change:
            return self._change.wait_for(lambda: not self._waiting and not self._busy, timeout)

    def stop(self, timeout: float) -> bool:
        """Write what waits and end the thread; False when that takes longer than `timeout` seconds."""
        with self._change:
            thread, self._stopping = self._thread, True
            self._change.notify_all()
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def forked(self) -> None:
        """In a forked child: there is no thread and no lock to rely on, and what waits is the parent's."""
        self._change = threading.Condition()
        self._waiting.clear()
        self._thread, self._busy = None, False
