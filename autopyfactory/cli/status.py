"""`autopyfactory status`: a table of the queues."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import click
from rich.console import Group

from autopyfactory.api.rows import SORTS, QueueRow
from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import Link
from autopyfactory.cli.output import print_json
from autopyfactory.cli.queueview import SILENT, QueueView
from autopyfactory.cli.screen import styled, wide_console
from autopyfactory.cli.statustable import table
from autopyfactory.cli.terminal import echo
from autopyfactory.model.text import count, printable, some
from autopyfactory.why.problems import together

TROUBLE, STOPPED = 1, 2  # exit codes, as monitoring systems know them


@click.command("status")
@conf_option
@click.argument("queue", required=False, shell_complete=queue_names)
@click.option(
    "--sort", type=click.Choice(sorted(SORTS)), default="queue", show_default=True, help="Order of rows."
)
@click.option(
    "--filter", "words", multiple=True, metavar="WORD",
    help="Only rows that fit: part of a name, state=paused, outcome=failed, held>0, pending<10, ...",
)  # fmt: skip
@click.option("--problems", is_flag=True, help="Only queues where something is wrong.")
@click.option("--longest", is_flag=True, help="Ask the schedds how long pilots have waited and run.")
@click.option(
    "--watch",
    is_flag=False,
    flag_value=5.0,
    type=click.FloatRange(min=0.5),
    metavar="[S]",
    help="Repeat every S seconds; on a terminal keys sort and filter.",
)
@click.option("--check", is_flag=True, help="Say what is wrong, and end with a code for monitoring.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    conf: tuple[str, ...],
    queue: str | None,
    sort: str,
    words: tuple[str, ...],
    problems: bool,
    longest: bool,
    watch: float | None,
    check: bool,
    as_json: bool,
) -> None:
    """Show what the queues (or QUEUE) have, what is wrong, what they did last, and where that is going.

    From the running factory; when none answers, the last cycles of the history, and the exit code is 3. With
    --check it is 0: nothing is wrong; 1: something is, which stops no pilots; 2: something stops pilots;
    3: no factory answers.
    """
    view = QueueView(Link(conf), queue, sort, words, problems=problems, longest=longest)
    if watch is not None and not (check or as_json):
        _watch(view, watch)
        return
    answer, rows = view.look()
    if as_json:
        print_json(answer)
    elif check:
        for line in _verdict(answer, rows):
            echo(line)
    else:
        screen = wide_console()
        screen.print(_group(answer, rows, screen.width))
    sys.exit(_code(answer, rows, check=check))


def _watch(view: QueueView, seconds: float) -> None:
    from autopyfactory.cli.watch import watch

    with suppress(KeyboardInterrupt):
        watch(view, seconds, wide_console(), _group)


def _code(answer: dict[str, Any], rows: Sequence[QueueRow], *, check: bool) -> int:
    """Return the exit code, with `check` as monitoring systems want it."""
    if answer["started"] is None:
        return SILENT
    found = [cause for row in rows for cause in row.news]
    return 0 if not check or not found else STOPPED if any(c.blocks for c in found) else TROUBLE


def _verdict(answer: dict[str, Any], rows: Sequence[QueueRow]) -> Iterator[str]:
    """Yield what is wrong, the first line with all that matters."""
    troubled = [row for row in rows if row.news]
    state = ("OK", "WARNING", "CRITICAL", "UNKNOWN")[_code(answer, rows, check=True)]
    what = "nothing is wrong" if not troubled else f"something is wrong with {len(troubled)}"
    silent = "; ".join(["", *answer["notes"]]) if answer["started"] is None else ""
    yield f"{state}: {count(len(rows), 'queue')}, {what}{silent}"
    for trouble in together({row.queue: row.news for row in troubled}):
        yield f"{_queues(trouble.queues)}: {printable(trouble.cause.words)}"
    taken_on: dict[str, list[str]] = {}
    for row in rows:
        for words in row.acknowledged.values():
            taken_on.setdefault(words, []).append(row.queue)
    for words, queues in taken_on.items():
        yield f"{_queues(queues)}: {printable(words)}"


def _queues(names: Sequence[str]) -> str:
    """Return the name of one queue; of several how many they are, with some names."""
    return names[0] if len(names) == 1 else f"{count(len(names), 'queue')} ({some(names)})"


def _group(answer: dict[str, Any], rows: Sequence[QueueRow], width: int) -> Group:
    notes = list(answer["notes"])
    if "*" in answer["pauses"]:
        notes.append(f"all queues: {answer['pauses']['*']}")
    return Group(table(answer, rows, width), *(styled((note, "yellow")) for note in notes))
