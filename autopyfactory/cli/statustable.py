"""The table of `autopyfactory status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from autopyfactory.api.rows import QueueRow
from autopyfactory.model.text import span

COLOURS = {
    "sent": "green", "nothing": "dim", "retired": "cyan", "paused": "yellow", "held back": "yellow",
    "failed": "red",
}  # fmt: skip
STATES = {"running": "", "paused": "yellow", "draining": "yellow", "starting": "dim", "stopped": "red",
          "disabled": "dim", "broken": "red"}  # fmt: skip


def wide_console() -> Console:
    """Return the console for tables; what goes into a pipe or a file is not wrapped at 80 columns."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=200)


def table(answer: dict[str, Any], rows: Sequence[QueueRow]) -> Table:
    """Return `rows` as a table; `answer` is what the factory said."""
    now = datetime.fromisoformat(answer["at"])
    longest = any(row.full is not None for row in rows)
    title = f"{answer['factory']}  {now:%Y-%m-%d %H:%M:%SZ}"
    if answer["started"] is None:
        title += "  (no factory runs: from the history)"
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    made.add_column("queue", overflow="fold")
    for name in ("ready", "pending", "running", "held", "sent"):
        made.add_column(name, justify="right", no_wrap=True)
    if longest:
        for name in ("longest pending", "longest running", "full"):
            made.add_column(name, justify="right")
    made.add_column("age", justify="right", no_wrap=True)
    made.add_column("last decision", ratio=1, overflow="fold")
    for row in rows:
        made.add_row(*_cells(row, now, longest=longest))
    return made


def _cells(row: QueueRow, now: datetime, *, longest: bool) -> list[str]:
    held = _number(row.held)
    cells = [
        escape(row.queue),
        _number(row.ready) + _change(row.trend.ready),
        _number(row.pending) + _change(row.trend.pending),
        _number(row.running) + _change(row.trend.running),
        f"[red]{held}[/]" if row.held else held,
        _number(row.sent),
    ]
    if longest:
        cells += [_since(row.oldest_pending, now), _since(row.oldest_running, now), _yes(row.full)]
    return [*cells, _since(row.at, now), _decision(row)]


def _decision(row: QueueRow) -> str:
    if row.pause:
        return f"[yellow]{escape(row.pause)}[/]"
    if STATES[row.state]:
        return f"[{STATES[row.state]}]{row.state}[/]: {escape(row.reason)}"
    colour = COLOURS.get(row.outcome, "")
    outcome = f"[{colour}]{row.outcome}[/]: " if colour else f"{row.outcome}: " if row.outcome else ""
    trouble = f"[red]{escape(row.trouble)}[/]; " if row.trouble else ""
    return trouble + outcome + escape(row.reason)


def _number(n: int | None) -> str:
    return "?" if n is None else str(n)


def _change(n: int | None) -> str:
    return f" [dim]{n:+d}[/]" if n else ""


def _since(when: datetime | None, now: datetime) -> str:
    return "" if when is None else span((now - when).total_seconds())


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
