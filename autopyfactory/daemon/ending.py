"""The end: orderly if possible, and within a few seconds whatever hangs."""

from __future__ import annotations

import logging
import os
import threading
import time

from autopyfactory.daemon.children import end_descendants
from autopyfactory.daemon.contract import FactoryLike
from autopyfactory.daemon.exits import ExitCode
from autopyfactory.daemon.signals import Signals
from autopyfactory.logs.setup import Logs

log = logging.getLogger("autopyfactory.daemon")

ORDERLY = 3.5  # seconds that the factory gets to end by itself
_OURS = ("MainThread", "log writer", "last resort", "shutdown")
ALL = 4.5  # seconds after which the process leaves whatever happens; people are promised 5


class Ending:
    """Ends a factory: asks, waits, and in the end does not ask any more."""

    def __init__(
        self,
        factory: FactoryLike,
        thread: threading.Thread,
        signals: Signals,
        logs: Logs,
        stop: threading.Event,
    ):
        self.factory = factory
        self.thread = thread
        self.signals = signals
        self.logs = logs
        self.stop = stop
        self.began = time.monotonic()
        self.error: BaseException | None = None

    def run(self) -> ExitCode:
        """End the factory; FORCED when something hung or a second signal cut it short."""
        threading.Thread(target=self._last_resort, name="last resort", daemon=True).start()
        done = threading.Event()
        threading.Thread(target=self._ask, args=(done,), name="shutdown", daemon=True).start()
        self.stop.set()
        why = self._wait(done)
        if why is None:
            return ExitCode.INTERNAL if self.error else ExitCode.OK
        names = sorted(t.name for t in threading.enumerate() if t.name not in _OURS)
        log.error("%s; the process leaves without waiting for: %s", why, ", ".join(names))
        self._leave()
        return ExitCode.FORCED

    def _ask(self, done: threading.Event) -> None:
        try:
            self.factory.shutdown(ORDERLY - 0.5)
            self.thread.join()
        except Exception as err:
            self.error = err
            log.exception("error while the factory ended")
        done.set()

    def _wait(self, done: threading.Event) -> str | None:
        """Wait for the orderly end; return None for that, else what went wrong."""
        while (left := self.began + ORDERLY - time.monotonic()) > 0:
            said = self.signals.next(min(left, 0.05))
            if said is not None and said[0] == "stop":
                return f"{said[1]} received again"
            if done.is_set() and not _lingering():
                return None
        return f"the factory did not end within {ORDERLY} s"

    def _last_resort(self) -> None:
        """Leave although the interpreter itself does not get to its end (threads that cannot be joined)."""
        time.sleep(max(0.0, self.began + ALL - time.monotonic()))
        end_descendants(0.0)
        os._exit(ExitCode.FORCED)

    def _leave(self) -> None:
        left = end_descendants(0.3)
        if left:
            log.error("ended child processes %s", ", ".join(map(str, left)))
        self.logs.flush(max(0.1, min(0.5, self.began + ALL - 0.2 - time.monotonic())))


def _lingering() -> list[threading.Thread]:
    """Return the threads that would keep the interpreter from ending."""
    return [t for t in threading.enumerate() if not t.daemon and t is not threading.main_thread()]
