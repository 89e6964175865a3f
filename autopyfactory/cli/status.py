"""`autopyfactory status`: a table of the queues."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Group

from autopyfactory.api import answers
from autopyfactory.api.rows import SORTS, QueueRow, chosen, row_from_dict
from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import Link, fail
from autopyfactory.cli.screen import styled, wide_console
from autopyfactory.cli.statustable import table
from autopyfactory.cli.terminal import echo


@click.command("status")
@conf_option
@click.argument("queue", required=False)
@click.option(
    "--sort", type=click.Choice(sorted(SORTS)), default="queue", show_default=True, help="Order of rows."
)
@click.option(
    "--filter", "words", multiple=True, metavar="WORD",
    help="Only rows that fit: part of a name, state=paused, outcome=failed, held>0, pending<10, ...",
)  # fmt: skip
@click.option("--longest", is_flag=True, help="Ask the schedds how long pilots have waited and run.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value=5.0,
    type=click.FloatRange(min=0.5),
    metavar="[S]",
    help="Repeat every S seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    conf: tuple[str, ...],
    queue: str | None,
    sort: str,
    words: tuple[str, ...],
    longest: bool,
    watch: float | None,
    as_json: bool,
) -> None:
    """Show what the queues (or QUEUE) have, what they did last, and where that is going.

    From the running factory; when none runs, the last cycles of the history.
    """
    link = Link(conf)
    if as_json:
        echo(json.dumps(_view(link, queue, sort, words, longest=longest)[0], indent=2))
        return
    console = wide_console()
    if watch is None:
        console.print(_group(*_view(link, queue, sort, words, longest=longest)))
        return
    from rich.live import Live

    try:
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                live.update(_group(*_view(link, queue, sort, words, longest=longest)), refresh=True)
                time.sleep(watch)
    except KeyboardInterrupt:
        return


def _view(
    link: Link, queue: str | None, sort: str, words: Sequence[str], *, longest: bool
) -> tuple[dict[str, Any], list[QueueRow]]:
    """Return the factory's answer (or what the history gives in its place), and the rows to show."""
    try:
        answer = answers.status(link, queue, longest=longest)
    except answers.Unknown as err:
        fail(str(err))
    try:
        rows = sorted(chosen(map(row_from_dict, answer["queues"]), words), key=SORTS[sort])
    except ValueError as err:
        fail(str(err), 2)
    return {**answer, "queues": [row.as_dict() for row in rows]}, rows


def _group(answer: dict[str, Any], rows: Sequence[QueueRow]) -> Group:
    notes = list(answer["notes"])
    if "*" in answer["pauses"]:
        notes.append(f"all queues: {answer['pauses']['*']}")
    return Group(table(answer, rows), *(styled((note, "yellow")) for note in notes))
