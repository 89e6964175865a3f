"""Since when something has been looked for in vain, and what interrupts that. Pure.

What counts as gone was looked for all the time: one look in vain follows the other, and none of them was
refused an answer for long. What was not there before a silence and is not there after it may have been there
between. Only when it has been so several times, and nothing else was ever seen, is it believed, too: a place
that seldom answers would else keep for ever what it lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

SILENCES = 4  # each between two looks in vain
POLLS = 2.5  # nobody who is asked so seldom is silent as long as no more than one poll is left out


@dataclass(frozen=True, slots=True)
class Absence:
    """Pilots (bits of them, or how many) that were looked for in vain since one moment (monotonic)."""

    since: float
    pilots: int
    silences: int = 0
    before: float | None = None  # since when, if there were silences since
    seen: float | None = None  # the last look that showed it, if there were any after the first

    @property
    def first(self) -> float:
        """Return since when they were looked for in vain, whatever silences there were."""
        return self.since if self.before is None else self.before

    def interrupted(self, at: float) -> Absence:
        """Return what is left of it when the look at `at` comes after a silence."""
        return Absence(at, self.pilots, self.silences + 1, self.first)

    def again(self, at: float, silence: float) -> Absence:
        """Return it after a look in vain at `at`; after so many seconds without one that interrupts it."""
        seen = self.since if self.seen is None else self.seen
        return replace(self.interrupted(at) if at - seen > silence else self, seen=at)

    def of(self, pilots: int) -> Absence:
        """Return the same of other pilots."""
        return replace(self, pilots=pilots)

    def lasted(self, at: float, patience: float) -> bool:
        """Return whether a look at `at` has shown for long enough (seconds) that they are gone."""
        return at - self.since >= patience or self.silences >= SILENCES


def first(absences: Iterable[Absence], n: int) -> tuple[Absence, ...]:
    """Return those of the `n` pilots that were looked for the longest; they come in this order."""
    found = []
    for absence in absences:
        if n > 0:
            found.append(absence.of(min(n, absence.pilots)))
            n -= absence.pilots
    return tuple(found)


def last(absences: Sequence[Absence], n: int) -> tuple[Absence, ...]:
    """Return those of the `n` pilots that were looked for the shortest, the longest of them first."""
    return first(absences[::-1], n)[::-1]


@dataclass(frozen=True, slots=True)
class Absent:
    """Somebody else answers in one's place: who, and when first, since the last silence, and last."""

    who: str
    first: float
    since: float
    last: float
    silences: int = 0

    def again(self, at: float, silence: float) -> Absent:
        """Return it after another answer, asked for at `at`; after a silence (seconds) it counts anew."""
        if at - self.last > silence:
            return Absent(self.who, self.first, at, at, self.silences + 1)
        return replace(self, last=max(at, self.last))

    @property
    def believed(self) -> float:
        """Return since when it is believed to answer there."""
        return self.since if self.silences < SILENCES else self.first


def silence(apart: float, every: float) -> float:
    """Return how long nobody may look before that is a silence: seconds.

    apart: between two looks that must both be in vain. every: from poll to poll.
    """
    return max(apart, POLLS * every)
