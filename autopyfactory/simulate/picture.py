"""Plots as PNG, with matplotlib where it is installed."""

from __future__ import annotations

from collections.abc import Mapping

from autopyfactory.simulate.run import Result


class NoPlots(Exception):
    """matplotlib is not installed."""


def draw(results: Mapping[str, Result], path: str, title: str) -> None:
    """Write a picture of one or more simulations, one column each, with equal scales.

    Raises NoPlots without matplotlib, OSError when the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as err:
        raise NoPlots("pictures need matplotlib: pip install autopyfactory[plots]") from err
    figure = Figure(figsize=(1.0 + 5.5 * len(results), 6.0), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
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
