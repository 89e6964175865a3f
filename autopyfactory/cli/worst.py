"""`autopyfactory worst`: the queues whose pilots do worst."""

from __future__ import annotations

import csv
import sys
from dataclasses import astuple

import click
from rich import box
from rich.table import Table

from autopyfactory.api.answers import Unknown
from autopyfactory.api.worst import COLUMNS, WINDOWS, WorstRow, ranked, worst
from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import Link, fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.screen import styled, wide_console
from autopyfactory.cli.terminal import echo
from autopyfactory.model.serialize import to_full

SILENT = 3  # exit code: neither a factory nor its file
_HEADS = {
    "queue": "queue", "ended": "ended", "failed_percent": "failed %", "unstarted_percent": "not started %",
    "unfit_percent": "unfit %", "empty_percent": "empty %", "short_percent": "short %",
    "held_percent": "held %", "wasted_percent": "wasted %", "wasted_hours": "wasted h", "hours": "hours",
}  # fmt: skip


@click.command("worst")
@conf_option
@click.option(
    "--window", type=click.Choice(list(WINDOWS)), default="day", show_default=True, help="How far back."
)
@click.option(
    "--sort", type=click.Choice(COLUMNS), default="wasted_hours", show_default=True, metavar="COLUMN",
    help="The worst by this column first; --json has their names.",
)  # fmt: skip
@click.option("--most", type=click.IntRange(min=1), default=30, show_default=True, help="Rows at most.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(conf: tuple[str, ...], window: str, sort: str, most: int, as_csv: bool, as_json: bool) -> None:
    """Show the queues whose pilots do worst: failed, never started, on unfit nodes, empty, short, held.

    Per cent are of the pilots that ended in the window; wasted are the hours that failed and empty ones ran.
    """
    try:
        rows = ranked(worst(Link(conf), window), sort)[:most]
    except Unknown as err:
        fail(str(err), SILENT)
    if as_json:
        print_json({"window": window, "queues": [to_full(row) for row in rows]})
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(COLUMNS)
        writer.writerows(astuple(row) for row in rows)
    elif not rows:
        echo("no pilot has ended in this time")
    else:
        wide_console().print(_table(rows))


def _table(rows: list[WorstRow]) -> Table:
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, head in _HEADS.items():
        made.add_column(head, justify="left" if name == "queue" else "right", overflow="fold")
    for row in rows:
        made.add_row(*(_cell(getattr(row, name)) for name in _HEADS))
    return made


def _cell(value: str | float | None) -> str:
    text = "" if value is None else value if isinstance(value, str) else f"{value:g}"
    return styled(text).plain
