"""Drives a run of the protocol in a thread, with real time and real answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from autopyfactory.accounting.protocol.accounts import Run
from autopyfactory.accounting.requests import Answer, NoAnswer, NotDone, Request
from autopyfactory.model.clock import Clock


class Work:
    """A run of the protocol under way: each step makes one request, and holds no lock meanwhile."""

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
            answer = Answer(value, asked, self._clock.monotonic(), self._clock.now().timestamp())
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
                self._request = resume()
        except StopIteration as stop:
            self.result = stop.value
