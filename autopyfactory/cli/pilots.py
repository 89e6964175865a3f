"""`autopyfactory pilots`: the pilots as their schedds see them, and their removal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click
from rich import box
from rich.table import Table

from autopyfactory.api.pilotquery import PENDING, STATES, Pilot
from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail, user
from autopyfactory.cli.output import print_json
from autopyfactory.cli.pilotplaces import adopt, forget, places
from autopyfactory.cli.screen import wide_console
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import time_span
from autopyfactory.model.serialize import from_plain
from autopyfactory.model.text import count, span

F = TypeVar("F", bound=Callable[..., Any])
OLD = "8d"
SLOW = 120.0  # seconds for an answer: removals go a hundred at a time


def which_options(command: F) -> F:
    """Add the options that say which pilots are meant."""
    for add in (
        click.option("--old", "older", is_flag=False, flag_value=OLD, callback=time_span, metavar="[AGE]",
                     help=f"Only those in their state for longer than AGE ({OLD} without AGE)."),
        click.option("--state", "states", multiple=True, type=click.Choice([*STATES, "pending"]),
                     help="Only those in this state (pending: idle or held); may be repeated."),
        click.option("--queue", metavar="QUEUE", shell_complete=queue_names,
                     help="Only those of this queue."),
    ):  # fmt: skip
        command = add(command)
    return command


@click.group("pilots", invoke_without_command=True)
@conf_option
@which_options
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(
    ctx: click.Context,
    conf: tuple[str, ...],
    queue: str | None,
    states: tuple[str, ...],
    older: timedelta | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the pilots of the factory."""
    if ctx.invoked_subcommand is not None:
        if queue or states or older:
            raise click.UsageError(f"options that choose pilots belong after `{ctx.invoked_subcommand}`")
        return
    answer = _listed(Link(conf), _which(queue, states, older), limit)
    if as_json:
        print_json(answer)
        return
    _show([from_plain(Pilot, p) for p in answer["pilots"]], answer["notes"], limit)


for more in (places, adopt, forget):
    command.add_command(more)


@command.command("kill")
@conf_option
@which_options
@click.option("--all-queues", is_flag=True, help="Of all queues.")
@click.option("--dry-run", is_flag=True, help="Only show which pilots that would be.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--reason", default="", help="Why; goes into the pilots' ads.")
def kill(
    conf: tuple[str, ...],
    queue: str | None,
    states: tuple[str, ...],
    older: timedelta | None,
    all_queues: bool,
    dry_run: bool,
    yes: bool,
    reason: str,
) -> None:
    """Remove pilots, running ones too if they are meant."""
    if (queue is None) != all_queues:
        raise click.UsageError("give either --queue QUEUE or --all-queues")
    link = Link(conf)
    which = _which(queue, states, older)
    if dry_run or not yes:
        answer = _listed(link, which, 1_000_000)
        pilots = [from_plain(Pilot, p) for p in answer["pilots"]]
        if dry_run:
            _show(pilots, answer["notes"], 1_000_000)
            echo(f"{count(len(pilots), 'pilot')} would be removed")
            return
        running = sum(p.state == "running" for p in pilots)
        click.confirm(f"Remove {count(len(pilots), 'pilot')}, {running} of them running?", abort=True)
    done = _ask(link, "kill", {**which, "reason": reason, "by": user()})
    echo(f"{done['removed']} of {count(done['found'], 'pilot')} removed")
    for note in done["notes"]:
        echo(note, err=True)
    if done["notes"] or done["removed"] < done["found"]:
        raise SystemExit(1)


def _which(queue: str | None, states: Sequence[str], older: timedelta | None) -> dict[str, Any]:
    names = dict.fromkeys(s for state in states for s in (PENDING if state == "pending" else (state,)))
    which: dict[str, Any] = {"states": list(names)}
    if queue is not None:
        which["queue"] = queue
    if older is not None:
        which["older"] = older.total_seconds()
    return which


def _listed(link: Link, which: dict[str, Any], limit: int) -> dict[str, Any]:
    found: dict[str, Any] = _ask(link, "pilots", {**which, "limit": limit})
    return found


def _ask(link: Link, name: str, arguments: dict[str, Any]) -> Any:
    """Ask the factory, or, when none runs, the schedds that its configuration names."""
    try:
        return link.ask(name, SLOW, **arguments)
    except NotRunning as err:
        from autopyfactory.api import pilots
        from autopyfactory.control.server import CommandError
        from autopyfactory.why import schedds

        configuration = link.configuration
        if configuration is None:
            fail(f"{err}, and the configuration cannot be read: see `autopyfactory check`")
        echo(f"{err}: asking the schedds", err=True)
        try:
            return pilots.COMMANDS[name](configuration, arguments)
        except CommandError as problem:
            fail(str(problem))
        finally:
            schedds.close()
    except ControlError as err:
        fail(str(err))


def _show(pilots: Sequence[Pilot], notes: Sequence[str], limit: int) -> None:
    now = datetime.now(UTC)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("pilot", "queue", "state", "for", "sent", "at the CE", "reason or CE"):
        table.add_column(name, no_wrap=name in ("pilot", "queue"), overflow="fold")
    for p in pilots:
        waited = span((now - p.since).total_seconds()) if p.since else ""
        sent = f"{p.submitted:%m-%d %H:%MZ}" if p.submitted else ""
        table.add_row(p.id, p.queue, p.state, waited, sent, p.grid_state, p.reason or p.ce)
    console = wide_console()
    if pilots:
        console.print(table)
    console.print(
        count(len(pilots), "pilot") + (" (there may be more: see --limit)" if len(pilots) >= limit else "")
    )
    for note in notes:
        echo(note, err=True)
