"""What the demo shows while it runs: a table that moves, or lines when nobody watches a terminal."""

import re
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

COLUMNS = ("ready", "pending", "running", "held", "sent")


class View:
    """Shows the queues' state; use as a context manager.

    `picture`: where to keep the fullest table as SVG, for the documentation.
    """

    def __init__(self, picture: Path | None = None) -> None:
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._picture = picture
        self._last: object = None
        self._began = time.monotonic()

    def __enter__(self) -> "View":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, status: dict[str, Any], done: int, jobs: int) -> None:
        """Show `status` (the factory's answer) and how many jobs are done."""
        rows = status["queues"]
        title = f"{time.monotonic() - self._began:4.0f} s   {done} of {jobs} jobs done"
        if self._picture and 0 < done < jobs:
            _draw(_table(title, rows), self._picture)
            self._picture = None
        if self._live:
            self._live.update(_table(title, rows), refresh=True)
            return
        state = done, [(r["queue"], *(r[c] for c in COLUMNS)) for r in rows]
        if state != self._last:
            self._last = state
            for row in rows:
                counts = "  ".join(f"{c} {row[c] if row[c] is not None else '?':>2}" for c in COLUMNS)
                print(f"{title}  {row['queue']:<15} {counts}  {_decision(row)}", flush=True)


def _decision(row: dict[str, Any]) -> str:
    return f"{row['outcome']}: {row['reason']}" if row["outcome"] else "no cycle yet"


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", expand=True)
    table.add_column("queue", no_wrap=True)
    for column in COLUMNS:
        table.add_column(column, justify="right")
    table.add_column("last decision", ratio=1)
    for row in rows:
        counts = ("?" if row[c] is None else str(row[c]) for c in COLUMNS)
        table.add_row(row["queue"], *counts, _decision(row))
    return table


def _draw(table: Table, file: Path) -> None:
    console = Console(record=True, width=112, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(table)
    svg = console.export_svg(title="make demo")
    # The exported picture asks the network for a font; any monospaced one at hand will do.
    file.write_text(re.sub(r"@font-face \{[^}]*\}\s*", "", svg))
