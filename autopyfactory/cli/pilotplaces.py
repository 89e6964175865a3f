"""`autopyfactory pilots places | adopt | forget`: the book of pilots, place by place."""

from __future__ import annotations

from typing import Any

import click
from rich import box
from rich.markup import escape
from rich.table import Table

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail, user
from autopyfactory.cli.output import print_json
from autopyfactory.cli.screen import wide_console
from autopyfactory.cli.terminal import echo
from autopyfactory.model.text import count, span

SLOW = 60.0  # seconds for an answer


@click.command("places")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@conf_option
def places(conf: tuple[str, ...], as_json: bool) -> None:
    """Tell for each schedd which pilots the book has, and which it shows."""
    found = _ask(conf, "places")["places"]
    if as_json:
        print_json({"places": found})
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("place", overflow="fold")
    for name in ("open", "shown", "not yet visible", "missing", "foreign", "lost"):
        table.add_column(name, justify="right")
    for p in found:
        table.add_row(
            escape(p["place"]),
            _with_age(p["open"], p["open_age"]),
            f"{p['shown']} ({span(p['age'])})" if p["age"] is not None else "never asked",
            _with_age(p["unseen"], p["unseen_age"]),
            _with_age(p["missing"], p["missing_age"]),
            _with_age(p["foreign"], p["foreign_age"]),
            _with_age(p["lost"], p["lost_age"]),
        )
    wide_console().print(table)
    for p in found:
        for reason in p["holds"]:
            echo(f"nothing is sent to {p['place']}: {reason}")


@click.command("adopt")
@click.argument("place")
@conf_option
def adopt(conf: tuple[str, ...], place: str) -> None:
    """Take over the pilots at PLACE that carry the factory's name and are not in its book."""
    answer = _ask(conf, "adopt", place=place, by=user())
    echo(f"the pilots found at {answer['place']} are taken into the book with its next answer")


@click.command("forget")
@click.argument("place")
@click.option("--yes", is_flag=True, help="Do not ask.")
@conf_option
def forget(conf: tuple[str, ...], place: str, yes: bool) -> None:
    """Count the open pilots at PLACE as lost: its job queue is gone, or it does not come back."""
    if not yes:
        click.confirm(f"Count no pilot at {place} any more, although some may still run?", abort=True)
    answer = _ask(conf, "forget", place=place, by=user())
    verb = "counts" if answer["pilots"] == 1 else "count"
    echo(f"{count(answer['pilots'], 'pilot')} at {answer['place']} {verb} as lost")


def _with_age(n: int, age: float | None) -> str:
    return f"{n} ({span(age)})" if n and age is not None else str(n)


def _ask(conf: tuple[str, ...], name: str, **arguments: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = Link(conf).ask(name, SLOW, **arguments)
    except NotRunning as err:
        fail(f"{err}: the book is that of a running factory")
    except ControlError as err:
        fail(str(err))
    return answer
