"""Taking pilots back needs two answers, the later one newer, that both say there are too many."""

from __future__ import annotations


class Surplus:
    """What one queue's chain said of pilots that are too many, and on which answers it said so."""

    def __init__(self) -> None:
        self._before: tuple[tuple[float, ...], int] | None = None

    def agreed(self, too_many: int, taken: tuple[float, ...]) -> int:
        """Return how many pilots this cycle and an earlier one agree on: the smaller of their numbers.

        `too_many` is what the chain says now (0: none), `taken` when each answer that it rests on was asked
        for. An earlier cycle counts only if every one of its answers was asked for before; cycles in between
        on the same answers change nothing, and one that says 0 ends it.
        """
        before = self._before
        if too_many <= 0:
            self._before = None
            return 0
        if before is None or len(before[0]) != len(taken):
            self._before = (taken, too_many)
            return 0
        if not all(old < new for old, new in zip(before[0], taken, strict=True)):
            return 0
        self._before = (taken, too_many)
        return min(before[1], too_many)
