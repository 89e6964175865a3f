"""What was sent and cannot be seen in a snapshot yet: the ledger's memory, which never waits for a disk."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass


@dataclass(slots=True)
class Intent:
    """A submission that was begun and whose outcome is not known."""

    tag: str
    queue: str
    target: str  # the schedd it goes to, as people write it
    n: int
    adopted: bool = False  # begun by an earlier life of this factory
    nothing_found_at: float | None = None  # monotonic


@dataclass(frozen=True, slots=True)
class _Confirmed:
    n: int
    at: float  # monotonic


class _Line:
    """How many pilots were confirmed up to which moment: each queue asks for the sum in every cycle."""

    def __init__(self) -> None:
        self._times: list[float] = []  # ascending: the ledger confirms one after the other
        self._sums: list[int] = []  # confirmed until then
        self._before = 0  # confirmed before the first of them

    def add(self, n: int, at: float) -> None:
        self._sums.append(self._until(len(self._times)) + n)
        self._times.append(at)

    def since(self, moment: float) -> int:
        return self._until(len(self._times)) - self._until(bisect_left(self._times, moment))

    def forget(self, before: float) -> None:
        gone = bisect_left(self._times, before)
        self._before = self._until(gone)
        del self._times[:gone], self._sums[:gone]

    def _until(self, index: int) -> int:
        return self._sums[index - 1] if index else self._before


class Book:
    """Intents, and confirmed submissions by target and queue. Times are monotonic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._intents: dict[str, Intent] = {}
        self._confirmed: dict[str, dict[str, list[_Confirmed]]] = defaultdict(dict)
        self._together: dict[str, _Line] = defaultdict(_Line)  # by target, of all queues

    def begin(self, intent: Intent) -> None:
        """Count `intent` from now on."""
        with self._lock:
            self._intents[intent.tag] = intent

    def confirm(self, intent: Intent, sent: int, at: float) -> None:
        """Count `sent` pilots, known to be there since `at`, in place of `intent`."""
        with self._lock:
            self._intents.pop(intent.tag, None)
            self._confirmed[intent.target].setdefault(intent.queue, []).append(_Confirmed(sent, at))
            self._together[intent.target].add(sent, at)

    def drop(self, intent: Intent) -> None:
        """No longer count `intent`."""
        with self._lock:
            self._intents.pop(intent.tag, None)

    def unresolved(self, queue: str) -> list[Intent]:
        """Return the intents of `queue`."""
        with self._lock:
            return [i for i in self._intents.values() if i.queue == queue] if self._intents else []

    def unseen(self, target: str, since: float, queue: str | None) -> int:
        """Return the pilots of one queue, or of all, that a snapshot asked for at `since` cannot show."""
        with self._lock:
            begun = sum(
                i.n
                for i in self._intents.values()
                if i.target == target and (queue is None or i.queue == queue)
            )
            if queue is None:
                return begun + (self._together[target].since(since) if target in self._together else 0)
            confirmed = self._confirmed.get(target, {}).get(queue, ())
            return begun + sum(c.n for c in confirmed if c.at >= since)

    def sent_between(self, target: str, since: float, until: float) -> dict[str, int]:
        """Return the pilots per queue that were confirmed from `since` to `until`."""
        with self._lock:
            sums = {
                queue: sum(c.n for c in confirmed if since <= c.at < until)
                for queue, confirmed in self._confirmed.get(target, {}).items()
            }
        return {queue: n for queue, n in sums.items() if n}

    def seen(self, target: str, since: float) -> None:
        """Drop what every snapshot of `target` asked for from `since` on shows."""
        with self._lock:
            if target in self._together:
                self._together[target].forget(since)
            there = self._confirmed.pop(target, {})
            for queue, confirmed in there.items():
                if kept := [c for c in confirmed if c.at >= since]:
                    self._confirmed[target][queue] = kept
