"""Which plugin a queue's thread is in, so that one that does not come back is told, and can be left behind.

A thread cannot be ended from outside. But one that hangs in a plugin can be told not to go on, should the
plugin ever return; then another thread may take the queue over.
"""

from __future__ import annotations

import threading
from typing import Literal

from autopyfactory.model.clock import Clock
from autopyfactory.model.text import span
from autopyfactory.plugins.base import SubmitError, SubmitUnknown

AT_ONCE = 30.0  # seconds for what has to return at once: a rule takes microseconds
IN_TIME = 300.0  # seconds for what has time limits of its own, a minute each and several in a row


class PluginError(Exception):
    """A plugin did what none may do; the text names it and says what."""


class LeftBehind(BaseException):
    """The thread was given up while it hung, and must not go on. No Exception: nobody shall catch it."""


_Call = tuple[str, float, float]  # what, since when (monotonic), and for how long at most


class Doing:
    """The call of a plugin that one thread is in; that thread calls, any other may ask."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._lock = threading.Lock()
        self._call: _Call | None = None
        self._left = False

    def call(self, what: str, limit: float | None = None) -> Doing:
        """Note that a plugin is called within the `with` that this is for, `what` in words; it should return
        within `limit` seconds, by default at once. No call within another one.

        What it raises is raised as PluginError, unless it may raise that. Raises LeftBehind, on the way in or
        out, when the thread was given up.
        """
        with self._lock:
            if self._left:
                raise LeftBehind
            self._call = what, self._clock.monotonic(), AT_ONCE if limit is None else limit
        return self

    def come_to(self, what: str) -> None:
        """Note, within the `with`, that it is `what` now that is called, which should return at once.

        Raises LeftBehind, when the thread was given up.
        """
        with self._lock:
            if self._left:
                raise LeftBehind
            self._call = what, self._clock.monotonic(), AT_ONCE

    def __enter__(self) -> None:
        """Let the call begin."""

    def __exit__(self, _: object, err: BaseException | None, __: object) -> Literal[False]:
        """Note that the plugin has returned. Raises PluginError, LeftBehind."""
        with self._lock:
            call, self._call = self._call, None
            if self._left:
                raise LeftBehind
        if isinstance(err, Exception) and not isinstance(err, SubmitError | SubmitUnknown):
            what = call[0] if call is not None else "a plugin"
            raise PluginError(f"{what} failed: {type(err).__name__}: {err}") from err
        return False

    @property
    def overdue(self) -> str:
        """Which plugin has not returned for too long, in words; empty: none."""
        call = self._call
        if call is None:
            return ""
        what, since, limit = call
        seconds = self._clock.monotonic() - since
        return f"{what} has not returned for {span(seconds)}" if seconds > limit else ""

    def leave(self) -> bool:
        """Give the thread up if it hangs; return whether it is given up."""
        with self._lock:
            self._left = self._left or bool(self.overdue)
            return self._left

    @property
    def left(self) -> bool:
        """Whether the thread was given up."""
        return self._left
