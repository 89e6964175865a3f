"""Pictures as PNG, with matplotlib where it is installed: hours of a run, or wait against waste."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from autopyfactory.simulate.hull import Point, hull
from autopyfactory.simulate.result import Result

COLORS = ("tab:blue", "tab:green", "tab:orange", "tab:purple", "tab:brown")
COLUMNS = 4


class NoPlots(Exception):
    """matplotlib is not installed."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One setting in the plane of wait and waste."""

    family: str
    point: Point
    ours: bool = False
    default: bool = False  # drawn larger: it is what is held against the hull


def draw(results: Mapping[str, Result], path: str, title: str) -> None:
    """Write a picture of one or more simulations, one column each, with equal scales.

    Raises NoPlots without matplotlib, OSError when the file cannot be written.
    """
    figure = _figure(1.0 + 5.5 * len(results), 6.0, title)
    axes = figure.subplots(2, len(results), sharex=True, sharey="row", squeeze=False)
    for column, (name, result) in enumerate(results.items()):
        hours = [s.hours for s in result.samples]
        jobs, pilots = axes[0][column], axes[1][column]
        jobs.set_title(
            f"{name}: mean wait {result.mean_wait:.0f} s,\nempty {result.empty_hours:.1f} pilot-hours",
            fontsize="medium",
        )
        jobs.plot(hours, [s.ready for s in result.samples], label="jobs ready", color="tab:red")
        jobs.plot(hours, [s.jobs_running for s in result.samples], label="jobs running", color="tab:green")
        pilots.plot(hours, [s.pending for s in result.samples], label="pilots pending", color="tab:orange")
        pilots.plot(hours, [s.running for s in result.samples], label="pilots running", color="tab:blue")
        pilots.plot(hours, [s.idle for s in result.samples], label="of them idle", color="tab:gray")
        pilots.set_xlabel("hours")
        for plot in (jobs, pilots):
            plot.grid(alpha=0.3)
            plot.legend(loc="upper right", fontsize="small")
    figure.savefig(path, format="png", dpi=110)


def bargains(panels: Mapping[str, Sequence[Mark]], path: str, title: str, units: tuple[str, str]) -> None:
    """Write wait against waste: a panel each, a point per setting, the hull of all that are not ours.

    Raises NoPlots without matplotlib, OSError when the file cannot be written.
    """
    columns = min(COLUMNS, len(panels))
    rows = ceil(len(panels) / columns)
    figure = _figure(max(8.0, 4.2 * columns), max(5.0, 3.6 * rows + 0.6), title)
    axes = figure.subplots(rows, columns, squeeze=False)
    for i, axis in enumerate(axes.flat):
        axis.set_visible(i < len(panels))
    for axis, (name, marks) in zip(axes.flat, panels.items(), strict=False):
        _bargain(axis, marks)
        axis.set_title(name, fontsize="medium")
        axis.set_xlabel(units[0], fontsize="small")
        axis.set_ylabel(units[1], fontsize="small")
        axis.grid(alpha=0.3)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize="small")
    figure.savefig(path, format="png", dpi=90)


def _bargain(axis: Any, marks: Sequence[Mark]) -> None:
    families = list(dict.fromkeys(m.family for m in marks if not m.ours))
    for family, color in zip(families, COLORS, strict=False):
        points = [m.point for m in marks if m.family == family and not m.ours]
        axis.scatter(*zip(*points, strict=True), s=14, color=color, label=family)
    others = [m.point for m in marks if not m.ours]
    if others:
        limit = hull(others).corners
        axis.plot(*zip(*limit, strict=True), color="gray", linewidth=1, label="hull of the references")
        _frame(axis, [*limit, *(m.point for m in marks if m.ours)])
    ours = [m for m in marks if m.ours]
    for kind, size in ((False, 30), (True, 130)):
        chosen = [m.point for m in ours if m.default == kind]
        if chosen:
            label = f"{ours[0].family}{'' if kind else ', other settings'}"
            axis.scatter(
                *zip(*chosen, strict=True), s=size, marker="*", color="tab:red", label=label, zorder=3
            )


def _frame(axis: Any, points: Sequence[Point]) -> None:
    """Show where the hull and ours are; settings far from them lie outside."""
    right = 1.5 * max(x for x, _ in points)
    top = 1.3 * max(y for _, y in points)
    axis.set_xlim(0, right or 1)
    axis.set_ylim(-0.04 * top, top or 1)


def _figure(width: float, height: float, title: str) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as err:
        raise NoPlots("pictures need matplotlib: pip install autopyfactory[plots]") from err
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize="medium", wrap=True)
    return figure
