"""Divide a demand over several takers so that the parts add up to exactly the demand.

The takers lie side by side on the line from 0 to 1, each with a stretch as long as its weight. Of a demand
`n`, a taker from `lower` to `upper` gets `floor(n x upper) - floor(n x lower)`: within one of its quota, and
since each stretch begins where the one before ends, the sum is `n`, whoever computes it and when.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the line from 0 to 1."""

    lower: float = 0.0
    upper: float = 1.0

    @property
    def width(self) -> float:
        """Return the part of the whole."""
        return self.upper - self.lower

    def of(self, n: int) -> int:
        """Return this part of `n` >= 0; the parts of all takers add up to `n`."""
        return math.floor(n * self.upper) - math.floor(n * self.lower)


WHOLE = Part()
"""Of a demand that nobody else serves."""


def nth(index: int, count: int) -> Part:
    """Return the part of taker `index` (1..count) of `count` equal ones."""
    return Part((index - 1) / count, index / count)


@dataclass(frozen=True, slots=True)
class Claim:
    """What one queue puts forward for its share: its weight and, if it is to count, its throughput."""

    weight: float = 1.0
    throughput: float | None = None  # 0..1: how readily pilots start there; None: only the weight counts
    within: Part = WHOLE  # the part of this factory among those that serve the same demand


def divide(claims: Mapping[str, Claim]) -> dict[str, Part]:
    """Return each queue's part. Sorted by name, so that every caller comes to the same parts.

    Throughput counts only where every queue puts it forward, and some queue has any: weight x throughput.
    """
    names = sorted(claims)
    by_throughput = all(c.throughput is not None for c in claims.values())
    by_throughput = by_throughput and any(c.weight * (c.throughput or 0.0) for c in claims.values())
    weights = [claims[n].weight * ((claims[n].throughput or 0.0) if by_throughput else 1.0) for n in names]
    total = sum(weights)
    if total <= 0:
        return {name: Part(0.0, 0.0) for name in names}
    bounds = [min(1.0, b / total) for b in accumulate(weights, initial=0.0)]
    last = max(i for i, w in enumerate(weights) if w > 0)
    bounds[last + 1 :] = [1.0] * (len(names) - last)  # rounding must not leave a gap at the end
    return {name: Part(low, up) for name, (low, up) in zip(names, pairwise(bounds), strict=True)}
