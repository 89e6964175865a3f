"""The table of `autopyfactory status`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from autopyfactory.api.rows import QueueRow
from autopyfactory.cli.screen import styled
from autopyfactory.model.text import span

COLOURS = {
    "sent": "green", "nothing": "dim", "retired": "cyan", "paused": "yellow", "held back": "yellow",
    "failed": "red",
}  # fmt: skip
STATES = {"running": "", "paused": "yellow", "draining": "yellow", "starting": "dim", "stopped": "red",
          "disabled": "dim", "broken": "red"}  # fmt: skip


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


def _cells(row: QueueRow, now: datetime, *, longest: bool) -> list[str | Text]:
    held = _number(row.held)
    cells: list[str | Text] = [
        row.queue,
        _changing(row.ready, row.trend.ready),
        _changing(row.pending, row.trend.pending),
        _changing(row.running, row.trend.running),
        styled((held, "red")) if row.held else held,
        _number(row.sent),
    ]
    if longest:
        cells += [_since(row.oldest_pending, now), _since(row.oldest_running, now), _yes(row.full)]
    return [*cells, _since(row.at, now), _decision(row)]


def _decision(row: QueueRow) -> Text:
    if row.pause:
        return styled((row.pause, "yellow"))
    if STATES[row.state]:
        return styled((row.state, STATES[row.state]), f": {row.reason}")
    parts: list[str | tuple[str, str]] = []
    if row.trouble:
        parts += [(row.trouble, "red"), "; "]
    if row.outcome:
        parts += [(row.outcome, COLOURS.get(row.outcome, "")), ": "]
    return styled(*parts, row.reason)


def _number(n: int | None) -> str:
    return "?" if n is None else str(n)


def _changing(n: int | None, change: int | None) -> Text:
    return styled(_number(n), (f" {change:+d}" if change else "", "dim"))


def _since(when: datetime | None, now: datetime) -> str:
    return "" if when is None else span((now - when).total_seconds())


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
