"""Drives a run of the protocol in a thread, with real time and real answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from autopyfactory.accounting.protocol.accounts import Run
from autopyfactory.accounting.requests import Answer, NoAnswer, NotDone, Request, Write
from autopyfactory.model.clock import Clock


class Work:
    """A run of the protocol under way: each step makes one request, and holds no lock meanwhile.

    Only what is to be written some time is handed over under the lock, which takes no I/O: so it comes to the
    disk in the order in which the book changed, and a crash never leaves there what is later without what was
    before. (A name that was parted from its place, without the place that its pilots are at.)
    """

    def __init__(
        self,
        run: Run,
        lock: threading.RLock,
        clock: Clock,
        answer: Callable[[Request], Any],
    ):
        self.result: Any = None
        self._run = run
        self._lock = lock
        self._clock = clock
        self._answer = answer
        self._request: Request | None = None
        self._go_on(lambda: next(run))

    def step(self) -> bool:
        """Make the next request, and hand over its answer; return whether there is another.

        Raises what the protocol does not want to know: NoAnswer, NotDone.
        """
        if self._request is None:
            return False
        asked = self._clock.monotonic()
        try:
            value = self._answer(self._request)
        except (NoAnswer, NotDone) as err:
            error = err
            self._go_on(lambda: self._run.throw(error))
        except BaseException:
            self.drop()
            raise
        else:
            answer = self._answered(value, asked)
            self._go_on(lambda: self._run.send(answer))
        return self._request is not None

    def finish(self) -> None:
        """Do all that is left."""
        while self.step():
            pass

    def drop(self) -> None:
        """Do no more: what was under way is looked up later."""
        self._request = None
        with self._lock:
            self._run.close()

    def _go_on(self, resume: Callable[[], Request]) -> None:
        self._request = None
        try:
            with self._lock:
                request = resume()
                while isinstance(request, Write) and not request.durable:
                    request = self._handed_over(request)
                self._request = request
        except StopIteration as stop:
            self.result = stop.value

    def _handed_over(self, write: Write) -> Request:
        asked = self._clock.monotonic()
        try:
            value = self._answer(write)
        except (NoAnswer, NotDone) as err:
            return self._run.throw(err)
        return self._run.send(self._answered(value, asked))

    def _answered(self, value: Any, asked: float) -> Answer:
        return Answer(value, asked, self._clock.monotonic(), self._clock.now().timestamp())
