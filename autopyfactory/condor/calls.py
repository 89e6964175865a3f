"""How calls to one schedd went, counted since the factory was started; for metrics."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from autopyfactory.condor.errors import CondorError


@dataclass(frozen=True, slots=True)
class Calls:
    """The sums. `failures`: by kind of error, among them calls that were not tried (busy, suspended)."""

    calls: int = 0
    seconds: float = 0.0  # that all of them took, their turns included
    failures: Mapping[str, int] = field(default_factory=dict)
    children: int = 0  # processes that were started for it


class CallCounter:
    """Counts; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = self._children = 0
        self._seconds = 0.0
        self._failures: Counter[str] = Counter()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count the call that is made within."""
        began, kind = monotonic(), ""
        try:
            yield
        except CondorError as err:
            kind = type(err).__name__.lower()
            raise
        finally:
            with self._lock:
                self._calls += 1
                self._seconds += monotonic() - began
                if kind:
                    self._failures[kind] += 1

    def child(self) -> None:
        """Count a process that was started."""
        with self._lock:
            self._children += 1

    def sums(self) -> Calls:
        """Return the sums up to now."""
        with self._lock:
            return Calls(self._calls, self._seconds, dict(self._failures), self._children)
