"""One queue reads and decides at a time; should one hang in that, the others go on without it.

More at a time would only contend for the interpreter, and a thousand threads that wait for it wake up every
few milliseconds to ask whether it is free. Nothing waits for the outside meanwhile, if rules are what they
are to be. A third party's rule may not be.
"""

from __future__ import annotations

import logging
import threading

from autopyfactory.cycle.line import Line

log = logging.getLogger("autopyfactory.turns")

PATIENCE = 5.0  # seconds to wait for a turn


class Turns:
    """Hands out turns. One that is not given back in time is given up: whoever has it disturbs nobody."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self.line = Line()
        self._patience = patience
        self._lock = threading.Lock()
        self._holder = ""

    def turn(self, name: str) -> Turn:
        """Return a turn for `name`: to enter it waits for it, for as long as one is patient at most."""
        return Turn(self, name)

    def take(self, name: str) -> threading.Lock | None:
        """Wait for a turn; return what to give back, None when it was not to be had."""
        lock = self._lock
        mine = lock.acquire(timeout=self._patience)
        if mine and self._lock is lock:
            self._holder = name
        elif not mine:
            self._give_up(lock)
        self.line.next()  # gets ready while this one decides
        return lock if mine else None

    def _give_up(self, lock: threading.Lock) -> None:
        """Let the next ones use another lock than that of a turn which does not end."""
        holder = self._holder
        if self._lock is lock:  # the first who noticed; others that do at the same time may tell it again
            self._lock = threading.Lock()
            log.warning(
                "queue %s has been deciding for more than %.0f s: one of its rules hangs, the others go on",
                holder, self._patience,
            )  # fmt: skip


class Turn:
    """One turn, for a `with`."""

    __slots__ = ("_lock", "_name", "_turns")

    def __init__(self, turns: Turns, name: str) -> None:
        self._turns, self._name = turns, name
        self._lock: threading.Lock | None = None

    def __enter__(self) -> None:
        self._lock = self._turns.take(self._name)

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()


TURNS = Turns()
