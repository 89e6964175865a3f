"""What the demo shows while it runs: a table that moves, or lines when nobody watches a terminal."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

COLUMNS = ("ready", "pending", "running", "held", "sent")


@dataclass(frozen=True)
class Tally:
    """The users' jobs at one moment."""

    waiting: int
    running: int
    done: int

    def __str__(self) -> str:
        total = self.waiting + self.running + self.done
        return f"{self.done} of {total} jobs done, {self.running} running, {self.waiting} waiting"


class View:
    """Shows the jobs and what the factory last knew of its queues; use as a context manager.

    `began`: when the jobs came, in seconds since the epoch: all times are told from then on. `picture`: where
    to keep the fullest table as SVG, for the documentation.
    """

    def __init__(self, began: float, picture: Path | None = None) -> None:
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._picture = picture
        self._last: object = None
        self._began = began

    def __enter__(self) -> "View":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, status: dict[str, Any], jobs: Tally) -> None:
        """Show the `jobs`, and `status` (the factory's answer)."""
        rows = status["queues"]
        title = f"{time.time() - self._began:4.0f} s   {jobs}"
        if self._picture and jobs.done and (jobs.running or jobs.waiting):
            _draw(_table(title, rows), self._picture)
            self._picture = None
        if self._live:
            self._live.update(_table(title, rows), refresh=True)
            return
        state = jobs, [(r["queue"], *(r[c] for c in COLUMNS)) for r in rows]
        if state != self._last:
            self._last = state
            print(title, flush=True)
            for row in rows:
                counts = "  ".join(f"{c} {row[c] if row[c] is not None else '?':>2}" for c in COLUMNS)
                print(f"         {row['queue']:<15} {counts}  {_seen(row):<9} {_decision(row)}", flush=True)


def _decision(row: dict[str, Any]) -> str:
    return f"{row['outcome']}: {row['reason']}" if row["outcome"] else "no cycle yet"


def _seen(row: dict[str, Any]) -> str:
    """Return how old the counts in `row` are: jobs and pilots move on between two looks of the factory."""
    return f"{max(row['ages'].values()):.0f} s ago" if row["ages"] else ""


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("queue", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("seen", justify="right", no_wrap=True)
    table.add_column("last decision", ratio=1)
    for row in rows:
        counts = ("?" if row[c] is None else str(row[c]) for c in COLUMNS)
        table.add_row(row["queue"], *counts, _seen(row), _decision(row))
    return table


def _draw(table: Table, file: Path) -> None:
    console = Console(record=True, width=112, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table)
    svg = console.export_svg(title="make demo")
    # The exported picture asks the network for a font; any monospaced one at hand will do.
    file.write_text(re.sub(r"@font-face \{[^}]*\}\s*", "", svg))
