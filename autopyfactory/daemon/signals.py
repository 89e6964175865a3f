"""Signals become words in a queue: the main thread waits for them and nothing else happens in a handler."""

from __future__ import annotations

import faulthandler
import queue
import signal
import sys
from types import FrameType
from typing import Literal

Word = Literal["stop", "reload", "reopen", "wake"]

_WORDS: dict[signal.Signals, Word] = {
    signal.SIGTERM: "stop",
    signal.SIGINT: "stop",
    signal.SIGHUP: "reload",
    signal.SIGUSR1: "reopen",
}


class Signals:
    """What signals and other threads want of the main thread, in order."""

    def __init__(self) -> None:
        self._words: queue.SimpleQueue[tuple[Word, str]] = queue.SimpleQueue()

    def install(self) -> None:
        """Catch TERM, INT, HUP and USR1; let USR2 write the stack of every thread to stderr."""
        for number in _WORDS:
            signal.signal(number, self._caught)
            signal.siginterrupt(number, False)
        try:
            faulthandler.register(signal.SIGUSR2, file=sys.stderr, all_threads=True)
        except (ValueError, AttributeError, OSError):  # stderr is closed: no place for stacks
            signal.signal(signal.SIGUSR2, signal.SIG_IGN)

    def _caught(self, number: int, _frame: FrameType | None) -> None:
        caught = signal.Signals(number)
        self._words.put((_WORDS[caught], caught.name))

    def wake(self, reason: str) -> None:
        """From any thread: let `next` return `wake`."""
        self._words.put(("wake", reason))

    def next(self, timeout: float) -> tuple[Word, str] | None:
        """Wait at most `timeout` seconds for a word and who said it; None when nobody said anything."""
        try:
            return self._words.get(timeout=timeout)
        except queue.Empty:
            return None
