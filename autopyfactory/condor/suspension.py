"""Keeps many callers from waiting one after the other for a daemon that hangs."""

from __future__ import annotations

import time

from autopyfactory.condor.errors import Suspended
from autopyfactory.condor.target import Target


class Suspension:
    """After a call that hung, turns calls away until a probe succeeds or for `retry_after` seconds."""

    def __init__(self, target: Target, retry_after: float) -> None:
        self._target = target
        self._retry_after = retry_after
        self._since: float | None = None
        self._why = ""

    def begin(self, why: str) -> None:
        """A call hung just now."""
        self._since, self._why = time.monotonic(), why

    def end(self) -> None:
        """A call was answered."""
        self._since = None

    @property
    def active(self) -> bool:
        """True while calls are turned away."""
        since = self._since
        return since is not None and time.monotonic() - since < self._retry_after

    def check(self) -> None:
        """Raise Suspended while calls are turned away."""
        since = self._since
        if since is not None and (age := time.monotonic() - since) < self._retry_after:
            raise Suspended(f"not tried: {self._why}, {age:.1f} s ago", self._target)
