"""Signals become words in a queue: the main thread waits for them and nothing else happens in a handler."""

from __future__ import annotations

import faulthandler
import os
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


def bear_early_ones() -> None:
    """Let HUP and USR1 pass without effect until `Signals.install`: they would end a starting process.

    Nothing is lost: the configuration and the log files are about to be read and opened anyway.
    """
    for number in (signal.SIGHUP, signal.SIGUSR1):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda _number, _frame: None)


class Terminal:
    """The terminal that the factory was started from, if any: when it closes, HUP means that it is gone."""

    def __init__(self) -> None:
        self._had = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # nohup(1)

    def is_gone(self) -> bool:
        """Say whether there was one and is none any more."""
        return self._had and not _has_terminal()


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Signals:
    """What signals and other threads want of the main thread, in order."""

    def __init__(self) -> None:
        self._words: queue.SimpleQueue[tuple[Word, str]] = queue.SimpleQueue()
        self.terminal = Terminal()

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
