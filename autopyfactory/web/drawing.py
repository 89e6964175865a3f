"""Curves as SVG, made here: no script, and a table says the same. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from autopyfactory.notify.trends import Point
from autopyfactory.web.past import Curve

WIDTH, HEIGHT = 600, 120


@dataclass(frozen=True, slots=True)
class Line:
    """One curve: its name and its points as an SVG polyline has them, a piece per gap."""

    name: str
    pieces: tuple[str, ...]
    last: int | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """Several curves with one scale."""

    lines: tuple[Line, ...]
    top: int  # value at the upper end
    width: int = WIDTH
    height: int = HEIGHT


KINDS: tuple[tuple[str, Callable[[Point], int | None]], ...] = (
    ("ready", lambda p: p.ready),
    ("pending", lambda p: p.pending),
    ("running", lambda p: p.running),
    ("sent", lambda p: p.submitted),
)


def drawing(curve: Curve) -> Drawing:
    """Return the counts of a queue as curves."""
    values = [v for p in curve.points for _, kind in KINDS if (v := kind(p)) is not None]
    top = max([1, *values])
    return Drawing(tuple(_line(name, kind, curve, top) for name, kind in KINDS), top)


def _line(name: str, kind: Callable[[Point], int | None], curve: Curve, top: int) -> Line:
    span = (curve.until - curve.since).total_seconds() or 1.0
    pieces: list[list[str]] = [[]]
    last = None
    for p in curve.points:
        value = kind(p)
        if value is None:
            pieces.append([])
            continue
        x = (p.at - curve.since).total_seconds() / span * WIDTH
        pieces[-1].append(f"{x:.1f},{HEIGHT - value / top * HEIGHT:.1f}")
        last = value
    return Line(name, tuple(" ".join(piece) for piece in pieces if piece), last)


def rows(points: Sequence[Point], most: int = 24) -> list[Point]:
    """Return `most` of the points at most, spread evenly, the newest first: the table beside a curve."""
    step = max(1, ceil(len(points) / most))
    return list(points)[::-1][::step]
