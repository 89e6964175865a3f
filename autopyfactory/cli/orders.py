"""What `pause`, `drain` and `resume` share: an order goes to the factory, or into its file when none runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail, user
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import future_time
from autopyfactory.pauses import ALL, Pause, PauseError, Pauses


def order_command(kind: str, text: str) -> click.Command:
    """Return the command `kind` (pause or drain), whose help is `text`."""

    @click.command(kind, help=text)
    @conf_option
    @click.argument("queues", metavar="[QUEUE]...", nargs=-1, shell_complete=queue_names)
    @click.option("--all", "all_queues", is_flag=True, help="All queues.")
    @click.option(
        "--until", callback=future_time, metavar="TIME", help="End by itself then (UTC), e.g. 14:00, 2h."
    )
    @click.option("--reason", default="", help="Why; shown wherever the queue is.")
    @click.option("--replace", is_flag=True, help="Also in place of somebody else's pause or drain.")
    def command(
        conf: tuple[str, ...],
        queues: tuple[str, ...],
        all_queues: bool,
        until: datetime | None,
        reason: str,
        replace: bool,
    ) -> None:
        link = Link(conf)
        each(targets(queues, all_queues), lambda q: order(link, kind, q, until, reason, replace=replace))

    return command


def targets(queues: Sequence[str], all_queues: bool) -> tuple[str, ...]:
    """Return the queues that are meant, `*` for all. Raises UsageError unless some, or all, are given."""
    if bool(queues) == all_queues:
        raise click.UsageError("give either QUEUEs or --all")
    return (ALL,) if all_queues else tuple(dict.fromkeys(queues))


def each(names: Sequence[str], give: Callable[[str], None]) -> None:
    """Give an order for each of `names`, whatever becomes of the others; one that failed ends the command."""
    codes: list[int] = []
    for name in names:
        try:
            give(name)
        except SystemExit as end:  # it has said why
            codes.append(int(end.code or 0))
    if any(codes):
        sys.exit(max(codes))


def order(
    link: Link, kind: str, name: str, until: datetime | None, reason: str, *, replace: bool = False
) -> None:
    """Pause or drain queue `name`, and say what is in force, and what was before."""
    if until is not None and until <= datetime.now(UTC):
        fail(f"{until:%Y-%m-%d %H:%MZ} is over already", 2)
    arguments: dict[str, Any] = {"queue": name, "reason": reason, "by": user()}
    if until is not None:
        arguments["until"] = until.isoformat()
    if replace:
        arguments["replace"] = True
    try:
        answer = link.ask(kind, **arguments)
    except NotRunning:
        pause = Pause(
            name, datetime.now(UTC), "draining" if kind == "drain" else "paused", until, reason, user()
        )
        _check_name(link, name)
        try:
            before = Pauses(link.state_dir / "pauses.json").set(pause, replace=replace)
        except PauseError as err:
            fail(f"{_shown(name)}: {err}")
        answer = {"words": pause.words, "before": before.words if before else None}
        echo("no factory runs: this is in force when one starts", err=True)
    except ControlError as err:
        fail(str(err))
    echo(f"{_shown(name)}: {answer['words']}")
    if answer.get("before"):
        echo(f"{_shown(name)}: that takes the place of: {answer['before']}", err=True)


def resume(link: Link, name: str) -> None:
    """End the pause or drain of queue `name`, and say what is left in force."""
    try:
        answer = link.ask("resume", queue=name)
    except NotRunning:
        answer = _resume_file(link, name)
    except ControlError as err:
        fail(str(err))
    if answer["ended"]:
        echo(f"{_shown(name)}: resumed, no longer {answer['ended']}")
    else:
        echo(f"{_shown(name)}: was not paused" + (" on its own" if answer["left"] else ""))
    if answer["left"]:
        echo(f"{_shown(name)}: still {answer['left']}; `autopyfactory resume --all` ends that", err=True)


def _resume_file(link: Link, name: str) -> dict[str, Any]:
    pauses = Pauses(link.state_dir / "pauses.json")
    try:
        ended = pauses.clear(name)
    except PauseError as err:
        fail(str(err))
    left = pauses.get(name)
    if ended is None and left is None:
        _check_name(link, name)
    return {"ended": ended.words if ended else None, "left": left.words if left else None}


def _check_name(link: Link, name: str) -> None:
    configuration = link.configuration
    if name == ALL or configuration is None:
        return
    if name not in configuration.queues and name not in configuration.broken:
        fail(f"there is no queue {name!r}")


def _shown(name: str) -> str:
    return "all queues" if name == ALL else name
