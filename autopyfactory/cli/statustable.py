"""The table of `autopyfactory status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autopyfactory.api.rows import QueueRow
from autopyfactory.cli.screen import styled
from autopyfactory.model.text import printable, span

COLOURS = {
    "sent": "green", "nothing": "dim", "retired": "cyan", "paused": "yellow", "held back": "yellow",
    "failed": "red",
}  # fmt: skip
STATES = {"running": "", "paused": "yellow", "draining": "yellow", "starting": "dim", "stopped": "red",
          "disabled": "dim", "broken": "red", "unknown": "yellow"}  # fmt: skip


WIDE = 110  # columns: with less, what a queue did gets lines of its own


def table(answer: dict[str, Any], rows: Sequence[QueueRow], width: int = 200) -> RenderableType:
    """Return `rows` as a table, `width` columns wide at most; `answer` is what the factory said."""
    now = datetime.fromisoformat(answer["at"])
    title = f"{answer['factory']}  {now:%Y-%m-%d %H:%M:%SZ}"
    if answer["started"] is None:
        title += "  (no factory answers: from the history)"
    columns = ["queue", *(n for n, _ in _numbers(rows))]
    cells = [_cells(row, rows, now) for row in rows]
    if width < WIDE:
        return _compact(title, columns, cells, rows)
    return _one_line_each(title, columns, cells, rows)


def _one_line_each(
    title: str, columns: Sequence[str], cells: Sequence[list[Text]], rows: Sequence[QueueRow]
) -> Table:
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    troubled = any(row.problem for row in rows)
    made.add_column(columns[0], overflow="fold")
    for name in columns[1:]:
        made.add_column(name, justify="right", no_wrap=True)
    if troubled:
        made.add_column("problem", overflow="fold")
    made.add_column("last decision", ratio=1, overflow="fold")
    for row, its in zip(rows, cells, strict=True):
        made.add_row(*its, *([styled(_problem(row))] if troubled else []), _decision(row))
    return made


def _compact(
    title: str, columns: Sequence[str], cells: Sequence[list[Text]], rows: Sequence[QueueRow]
) -> Group:
    """Return the numbers of each queue on one line, and what it did on the next."""
    heads = [Text(name, "bold") for name in columns]
    widths = [max(line[i].cell_len for line in [heads, *cells]) for i in range(len(columns))]
    lines: list[RenderableType] = [Text(title, "bold"), _line(heads, widths)]
    for row, its in zip(rows, cells, strict=True):
        lines.append(_line(its, widths))
        if row.problem:
            lines.append(Padding(styled(_problem(row)), (0, 0, 0, 2)))
        lines.append(Padding(_decision(row), (0, 0, 0, 2)))
    return Group(*lines)


def _line(cells: Sequence[Text], widths: Sequence[int]) -> Text:
    """Return cells side by side: the first to the left, numbers to the right."""
    padded = []
    for i, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        gap = " " * (width - cell.cell_len)
        padded.append(Text.assemble(cell, gap) if i == 0 else Text.assemble(gap, cell))
    return Text(" ", no_wrap=True).join(padded)


def _numbers(rows: Sequence[QueueRow]) -> list[tuple[str, Callable[[QueueRow, datetime], str | Text]]]:
    """Return the columns between the queue's name and what it did, with what is in them."""
    ages: list[tuple[str, Callable[[QueueRow, datetime], str | Text]]] = [
        ("longest pending", lambda r, now: _since(r.oldest_pending, now)),
        ("longest running", lambda r, now: _since(r.oldest_running, now)),
        ("full", lambda r, _: _yes(r.full)),
    ]
    unbalanced: list[tuple[str, Callable[[QueueRow, datetime], str | Text]]] = [
        ("missing", lambda r, _: _alarming(r.missing)),
        ("foreign", lambda r, _: _alarming(r.foreign)),
    ]
    return [
        ("ready", lambda r, _: _changing(r.ready, r.trend.ready)),
        ("pending", lambda r, _: _changing(r.pending, r.trend.pending)),
        ("running", lambda r, _: _changing(r.running, r.trend.running)),
        ("held", lambda r, _: _alarming(r.held)),
        *(unbalanced if any(row.missing or row.foreign for row in rows) else ()),
        ("sent", lambda r, _: _number(r.sent)),
        *(ages if any(row.full is not None for row in rows) else ()),
        ("age", lambda r, now: _since(r.at, now)),
    ]


def _cells(row: QueueRow, rows: Sequence[QueueRow], now: datetime) -> list[Text]:
    values = [row.queue, *(value(row, now) for _, value in _numbers(rows))]
    return [v if isinstance(v, Text) else styled(printable(v)) for v in values]


def _problem(row: QueueRow) -> tuple[str, str]:
    more = len(row.problems) - 1
    words = printable(row.problem or "")
    return f"{words} (and {more} more)" if more > 0 else words, "red"


def _decision(row: QueueRow) -> Text:
    if row.pause:
        return styled((printable(row.pause), "yellow"))
    reason = printable(row.reason)
    if STATES[row.state]:
        known = row.state == "broken" and row.problem
        return styled((row.state, STATES[row.state]), "" if known else f": {reason}")
    if row.outcome:
        return styled((row.outcome, COLOURS.get(row.outcome, "")), ": ", reason)
    return styled(reason)


def _number(n: int | None) -> str:
    return "?" if n is None else str(n)


def _alarming(n: int | None) -> Text:
    return styled((_number(n), "red" if n else ""))


def _changing(n: int | None, change: int | None) -> Text:
    return styled(_number(n), (f" {change:+d}" if change else "", "dim"))


def _since(when: datetime | None, now: datetime) -> str:
    return "" if when is None else span((now - when).total_seconds())


def _yes(value: bool | None) -> str:
    return "" if value is None else "yes" if value else "no"
