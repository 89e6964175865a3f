"""Plots for the terminal: one small area chart per quantity, drawn with block characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from autopyfactory.simulate.result import Result, Sample

BLOCKS = " ▁▂▃▄▅▆▇█"
QUANTITIES = (
    ("ready", "jobs ready"),
    ("pending", "pilots pending"),
    ("running", "pilots running"),
    ("idle", "pilots idle"),
)


def area(values: Sequence[float], width: int = 72, height: int = 4) -> list[str]:
    """Return the rows of an area chart, top first, scaled to the largest value."""
    columns = _shrink(values, width)
    top = max([1.0, *columns])
    levels = [round(value / top * height * 8) for value in columns]
    rows = []
    for row in reversed(range(height)):
        rows.append("".join(BLOCKS[max(0, min(8, level - row * 8))] for level in levels))
    return rows


def _shrink(values: Sequence[float], width: int) -> list[float]:
    """Return at most `width` values, each the largest of its stretch: peaks must not get lost."""
    if len(values) <= width:
        return [float(v) for v in values]
    edges = [i * len(values) // width for i in range(width + 1)]
    return [float(max(values[a:b])) for a, b in pairwise(edges)]


def plot(result: Result, width: int = 72, title: str = "") -> str:
    """Return charts of a simulation over its time."""
    lines = [title] if title else []
    for field, label in QUANTITIES:
        values = [getattr(sample, field) for sample in result.samples]
        lines.append(f"{label}, at most {max(values, default=0)}")
        lines.extend("  |" + row for row in area(values, width))
    return "\n".join([*lines, *_axis(result.samples, width)])


def _axis(samples: Sequence[Sample], width: int) -> list[str]:
    end = samples[-1].hours if samples else 0.0
    label = f"{end:.1f} h"
    columns = min(width, len(samples))
    return ["  +" + "-" * columns, "  0 h" + label.rjust(max(0, columns - 2))]
