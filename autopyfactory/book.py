"""What was sent and cannot be seen in a snapshot yet: the ledger's memory, which never waits for a disk."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable
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


class Book:
    """Intents, and confirmed submissions by target and queue. Times are monotonic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._intents: dict[str, Intent] = {}
        self._confirmed: dict[str, dict[str, list[_Confirmed]]] = defaultdict(dict)

    def begin(self, intent: Intent) -> None:
        """Count `intent` from now on."""
        with self._lock:
            self._intents[intent.tag] = intent

    def confirm(self, intent: Intent, sent: int, at: float) -> None:
        """Count `sent` pilots, known to be there since `at`, in place of `intent`."""
        with self._lock:
            self._intents.pop(intent.tag, None)
            self._confirmed[intent.target].setdefault(intent.queue, []).append(_Confirmed(sent, at))

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
            there = self._confirmed.get(target, {})
            lists: Iterable[list[_Confirmed]] = there.values() if queue is None else [there.get(queue, [])]
            return begun + sum(c.n for confirmed in lists for c in confirmed if c.at >= since)

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
            there = self._confirmed.pop(target, {})
            for queue, confirmed in there.items():
                if kept := [c for c in confirmed if c.at >= since]:
                    self._confirmed[target][queue] = kept
