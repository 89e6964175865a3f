"""One queue reads and decides at a time; should one hang in that, the others go on without it.

More at a time would only contend for the interpreter, and a thousand threads that wait for it wake up every
few milliseconds to ask whether it is free. Nothing waits for the outside meanwhile, if rules are what they
are to be. A third party's rule may not be.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("autopyfactory.turns")

PATIENCE = 5.0  # seconds to wait for a turn


class Turns:
    """Hands out turns. One that is not given back in time is given up: whoever has it disturbs nobody."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._holder = ""

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait for a turn for `name`, for as long as one is patient at most."""
        lock = self._lock
        mine = lock.acquire(timeout=self._patience)
        if mine and self._lock is lock:
            self._holder = name
        elif not mine:
            self._give_up(lock)
        try:
            yield
        finally:
            if mine:
                lock.release()

    def _give_up(self, lock: threading.Lock) -> None:
        """Let the next ones use another lock than that of a turn which does not end."""
        holder = self._holder
        if self._lock is lock:  # the first who noticed; others that do at the same time may tell it again
            self._lock = threading.Lock()
            log.warning(
                "queue %s has been deciding for more than %.0f s: one of its rules hangs, the others go on",
                holder, self._patience,
            )  # fmt: skip


TURNS = Turns()
