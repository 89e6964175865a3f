"""The bargain of a policy: the lower convex hull of its settings in the plane of wait and waste.

A policy that may change its setting from hour to hour reaches every point between two settings, so what it
can do at a given wait lies on the hull, not only on the settings that were tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]  # wait, waste: less is better


@dataclass(frozen=True, slots=True)
class Hull:
    """The corners from the fastest to the least wasteful; waste falls from each to the next."""

    corners: tuple[Point, ...]

    @property
    def fastest(self) -> float:
        """The shortest wait that any setting reaches."""
        return self.corners[0][0]

    def waste_at(self, wait: float) -> float:
        """Return the least waste at this wait; that of the fastest where none is as fast."""
        return _interpolate(self.corners, wait)

    def wait_at(self, waste: float) -> float:
        """Return the shortest wait at this waste; that of the least wasteful where none wastes so little."""
        turned = [(waste_, wait) for wait, waste_ in reversed(self.corners)]
        return _interpolate(turned, waste)


def hull(points: Iterable[Point]) -> Hull:
    """Return the lower left part of the convex hull of at least one point."""
    corners: list[Point] = []
    for point in sorted(set(points)):
        if corners and point[1] >= corners[-1][1]:
            continue  # slower and no less wasteful
        while len(corners) > 1 and not _turns_left(corners[-2], corners[-1], point):
            corners.pop()
        corners.append(point)
    return Hull(tuple(corners))


def _turns_left(a: Point, b: Point, c: Point) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) > (b[1] - a[1]) * (c[0] - a[0])


def _interpolate(points: Sequence[Point], x: float) -> float:
    """Return y at `x` on the line through `points`, in the order of x; beyond the ends that of the end."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
