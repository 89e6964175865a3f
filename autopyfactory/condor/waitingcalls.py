"""Whose call a child process works on: one at a time, in the order in which they came.

Whoever has got its reply gives the child the next one's request at once. With a thousand busy threads it may
take a millisecond or two until the next one's own thread runs, and the schedd would stand idle for so long.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Ask:
    """A call that waits for its turn, or has it."""

    operation: str
    request: bytes = b""  # as it is sent
    aborts: int = 0  # that its caller knew of when it came
    probe: bool = False
    unsent: memoryview | None = None  # what the child has not got yet; None: it has got nothing
    granted: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class WaitingCalls:
    """The waiting asks of one child process; used by any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Ask] = deque()
        self._holder: Ask | None = None

    @property
    def taken(self) -> bool:
        """Whether it is somebody's turn."""
        return self._holder is not None

    def enter(self, ask: Ask) -> bool:
        """Come; return whether it is `ask`'s turn at once. If not it has to wait, or to leave."""
        with self._lock:
            if self._holder is None:
                self._holder = ask
                return True
            self._waiting.append(ask)
            return False

    def wait(self, ask: Ask, timeout: float) -> bool:
        """Wait for `timeout` seconds at most; return whether it is `ask`'s turn."""
        return ask.granted.acquire(timeout=timeout)

    def leave(self, ask: Ask) -> bool:
        """Wait no longer; return False when its turn has just come, and it has to go on."""
        with self._lock:
            if self._holder is not ask:
                self._waiting.remove(ask)
                return True
        ask.granted.acquire()  # whoever gives it the turn does so without waiting for anybody
        return False

    def give(self, begin: Callable[[Ask], None] | None = None) -> None:
        """Give the turn to who waits the longest, for whom `begin` is called before: it must not wait."""
        with self._lock:
            ask = self._holder = self._waiting.popleft() if self._waiting else None
        if ask is None:
            return
        try:
            if begin is not None:
                begin(ask)
        finally:
            ask.granted.release()
