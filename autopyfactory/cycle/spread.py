"""Which of several CEs, or schedds, gets how many of a cycle's pilots. Pure.

What waits at a CE in proportion to what starts there is what makes waits equal: by Little's law the mean wait
is the number that waits over the rate of starts. So each pilot goes where, with it, that ratio is smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace

EVEN = 1e-9  # so that those of which nothing is known have equal weights


@dataclass(frozen=True, slots=True)
class Share:
    """One of those that pilots are divided among: what it can take, and what is there already."""

    rate: float  # what it is known to take, in any unit that all have in common
    there: int = 0  # pilots that wait there, or are there, by the same measure for all


def spread(n: int, shares: Sequence[Share], floor: float = 0.0) -> list[int]:
    """Divide `n` pilots among `shares`; return the number for each.

    floor: no rate counts as less than this part (0..1) of the mean rate, so that one at which nothing starts
    gets some now and then. Nothing is asked of those that have no place: leave them out.
    """
    given = [0] * len(shares)
    if not shares or n <= 0:
        return given
    least = floor * sum(s.rate for s in shares) / len(shares)
    rates = [max(s.rate, least) + EVEN for s in shares]
    heap = [((s.there + 1) / rate, i) for i, (s, rate) in enumerate(zip(shares, rates, strict=True))]
    heapify(heap)
    for _ in range(n):
        i = heap[0][1]
        given[i] += 1
        heapreplace(heap, ((shares[i].there + given[i] + 1) / rates[i], i))
    return given
