"""`autopyfactory breakers`: which CEs, credentials and queues are stopped since pilots go wrong there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail, user
from autopyfactory.cli.output import print_json
from autopyfactory.cli.screen import wide_console
from autopyfactory.cli.terminal import echo
from autopyfactory.model.text import printable, span

SLOW = 60.0  # seconds for an answer


@click.group("breakers", invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@conf_option
@click.pass_context
def command(ctx: click.Context, conf: tuple[str, ...], as_json: bool) -> None:
    """Tell where pilots go wrong: which breakers are open, why, and when the next probe goes."""
    if ctx.invoked_subcommand is not None:
        return
    found = _ask(conf, "breakers")
    if as_json:
        print_json(found)
        return
    if not found["breakers"]:
        echo("all breakers are closed, and no pilot went wrong lately")
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("CE", "for", "state", "next probe", "what was seen"):
        table.add_column(name, overflow="fold")
    for b in found["breakers"]:
        table.add_row(*(escape(printable(text)) for text in _cells(b, found["at"])))
    wide_console().print(table)


def _cells(b: Mapping[str, Any], now: float) -> tuple[str, ...]:
    whom = {"ce": "all", "credential": b["name"], "queue": f"queue {b['name']}"}[b["scope"]]
    since = f"open for {span(now - b['opened'])}" if b["open"] else "closed"
    then = ("may go" if b["next_probe"] <= now else f"in {span(b['next_probe'] - now)}") if b["open"] else ""
    if b.get("under_way"):
        then = f"under way for {span(now - b['under_way'])}, the next {then}"
    nodes = f"; bad nodes: {', '.join(b['nodes'])}" if b["nodes"] else ""
    return b["ce"], whom, since, then, f"{b['words']}{nodes}".removeprefix("; ")


@command.command("close")
@click.argument("queue", shell_complete=queue_names)
@conf_option
def close(conf: tuple[str, ...], queue: str) -> None:
    """Close what stands in the way of QUEUE, and forget what was seen: what was wrong is mended."""
    answer = _ask(conf, "close", queue=queue, by=user())
    for words in answer["closed"]:
        echo(f"closed: {words}")
    if not answer["closed"]:
        echo(f"no breaker was open for {answer['queue']}")


def _ask(conf: tuple[str, ...], name: str, **arguments: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = Link(conf).ask(name, SLOW, **arguments)
    except NotRunning as err:
        fail(f"{err}: breakers are those of a running factory")
    except ControlError as err:
        fail(str(err))
    return answer
