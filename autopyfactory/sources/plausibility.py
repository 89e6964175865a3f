"""Counts that collapse are doubted until a second answer says the same.

A schedd that restarts, a query that is answered in part, a changed default of a tool: each has shown other
factories "no pilots", and flooded sites. So a queue that falls from many pilots to (almost) none in one
answer is not believed at once. Two answers in a row that agree are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from autopyfactory.model.info import BatchStatus

MANY = 10  # pilots: below this a sudden end is ordinary
FRACTION = 0.1  # what is left, at most, for a fall to be a collapse


SentBetween = Callable[[float, float], Mapping[str, int]]
"""Pilots per queue that were sent for sure between two monotonic times."""


class CollapseJudge:
    """Remembers the last believed number of pilots per queue, and doubts sudden falls from it.

    Pilots sent since the last answer are expected to show too.
    """

    def __init__(self, sent_between: SentBetween = lambda since, until: {}) -> None:
        self._believed: dict[str, int] = {}
        self._doubted: frozenset[str] = frozenset()
        self._sent_between = sent_between
        self._last_asked = 0.0

    def __call__(self, status: BatchStatus, asked: float) -> Mapping[str, str]:
        """Return the queues whose counts in `status`, asked for at `asked`, are doubtful, and why."""
        for name, sent in self._sent_between(self._last_asked, asked).items():
            self._believed[name] = self._believed.get(name, 0) + sent
        self._last_asked = asked
        now = {name: q.active for name, q in status.queues.items()}
        all_gone = sum(self._believed.values()) >= MANY and not sum(now.values())
        doubts: dict[str, str] = {}
        for name, before in self._believed.items():
            after = now.get(name, 0)
            fell = before >= MANY and after <= before * FRACTION
            if (fell or (all_gone and before > 0)) and name not in self._doubted:
                doubts[name] = (
                    f"pilots fell from {before} to {after} in one answer, not believed until a second agrees"
                )
        kept = {name: self._believed[name] for name in doubts}
        self._believed = {**{n: c for n, c in now.items() if c}, **kept}
        self._doubted = frozenset(doubts)
        return doubts
