"""Compares this host's clock with those of the services that answer it.

Ages are measured by a clock that nobody sets, so counts stay right; credentials, `Hours`, log folders and
pilots' times do not. One witness that is wrong is told; when all of them say the same, it is us.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from autopyfactory.model.text import span

TOLD = 60.0  # seconds of difference that are worth a word
TOO_MUCH = 360.0  # seconds: as old as counts may be; beyond that nothing is sent
FRESH = 900.0  # seconds that a witness counts
EVER = float("-inf")
COARSE = 1.0  # seconds: what a clock in whole seconds may be off


@dataclass(frozen=True, slots=True)
class _Witness:
    ahead: float  # seconds that its clock is ahead of ours; negative: behind
    at: float  # monotonic


class Clocks:
    """What services say the time is; may be used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._witnesses: dict[str, _Witness] = {}
        self._far = False  # whether one of them, be it long ago, was too far from ours

    def note(self, who: str, said: float, before: float, after: float) -> None:
        """Note that `who` said it is `said` between `before` and `after` of our clock (Unix times)."""
        ahead = 0.0
        if said < before - COARSE:
            ahead = said - before
        elif said > after + COARSE:
            ahead = said - after
        with self._lock:
            self._witnesses[who] = _Witness(ahead, time.monotonic())
            self._far = any(abs(w.ahead) > TOO_MUCH for w in self._witnesses.values())

    def note_http(self, who: str, headers: Mapping[str, str], before: float, after: float) -> None:
        """Note the `Date` of an answer that comes from no cache (RFC 9110, 6.6.1; RFC 9111, 5.1)."""
        if headers.get("Age", "0").strip() != "0":
            return
        try:
            said = parsedate_to_datetime(headers.get("Date", "")).timestamp()
        except (ValueError, TypeError, OverflowError):
            return
        self.note(who, said, before, after)

    def wrong(self) -> tuple[str, ...]:
        """Return whose clock differs from ours, in words."""
        return tuple(
            f"the clock of {who} is {span(abs(w.ahead))} {_way(w.ahead)} this host's"
            for who, w in self._fresh()
            if abs(w.ahead) > TOLD
        )

    def witnesses(self, since: float = EVER) -> tuple[str, ...]:
        """Return who has said lately, and after monotonic time `since`, what the time is."""
        return tuple(who for who, _ in self._fresh(since))

    def ours(self, since: float = EVER) -> str:
        """Return that our clock is wrong, in words, when every witness (since then) says so; else empty."""
        if not self._far:  # as nearly always: every queue asks in every cycle
            return ""
        known = [w.ahead for _, w in self._fresh(since)]
        for sign, words in ((1, "behind"), (-1, "ahead of")):
            if known and all(sign * ahead > TOO_MUCH for ahead in known):
                least = min(abs(ahead) for ahead in known)
                return f"this host's clock is {span(least)} {words} the clocks of all that answer"
        return ""

    def forget(self) -> None:
        """Forget all, for tests."""
        with self._lock:
            self._witnesses.clear()
            self._far = False

    def _fresh(self, since: float = EVER) -> list[tuple[str, _Witness]]:
        oldest = max(since, time.monotonic() - FRESH)
        with self._lock:
            return [(who, w) for who, w in sorted(self._witnesses.items()) if w.at >= oldest]


def _way(ahead: float) -> str:
    return "ahead of" if ahead > 0 else "behind"


CLOCKS = Clocks()
"""The one of this process: services answer whoever of its queues asks."""
