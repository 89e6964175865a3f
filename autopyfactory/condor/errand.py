"""Asks a question beside the work, in a process of its own that nobody waits for.

The bindings hold the interpreter's lock in every call, and a collector that hangs keeps a call for half a
minute: no thread would do. A fork of the child process costs milliseconds, and has the libraries loaded.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from autopyfactory.condor.lifeline import tie_to_parent

_PIECE = 1 << 16


class Errand:
    """One question, asked again and again; for a process without other threads."""

    def __init__(self, ask: Callable[[], str], theirs: Sequence[int] = ()) -> None:
        """`ask` answers, in another process; `theirs` are descriptors that it is not to have there."""
        self._ask = ask
        self._theirs = theirs
        self._pid = 0  # 0: nobody is on the way
        self._pipe = -1
        self._heard = b""
        self._begun = float("-inf")  # monotonic

    @property
    def age(self) -> float:
        """Seconds since somebody was sent last."""
        return time.monotonic() - self._begun

    def begin(self) -> None:
        """Send somebody to ask; whoever has not come back by now is given up."""
        self._give_up()
        self._begun = time.monotonic()
        self._pipe, answer = os.pipe()
        parent, self._pid = os.getpid(), os.fork()
        if self._pid == 0:
            self._go(parent, answer)
        os.close(answer)

    def answer(self) -> str:
        """Return what was answered since it was looked for last; empty: nothing yet. Returns at once."""
        while self._pid and select.select([self._pipe], [], [], 0)[0]:
            piece = os.read(self._pipe, _PIECE)
            self._heard += piece
            if not piece:
                heard = self._heard.decode(errors="replace")
                self._give_up()
                return heard
        return ""

    def _give_up(self) -> None:
        if not self._pid:
            return
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._pipe)
        self._pid, self._heard = 0, b""

    def _go(self, parent: int, answer: int) -> NoReturn:
        """Ask, answer all or nothing, and end without a trace."""
        try:
            tie_to_parent(parent)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2, *self._theirs):  # what the libraries print is no news of the work
                os.dup2(nowhere, descriptor)
            said = self._ask().encode()
            while said:
                said = said[os.write(answer, said) :]
        except BaseException:  # noqa: BLE001  no answer is an answer: what is known stays
            pass
        finally:
            os._exit(0)
