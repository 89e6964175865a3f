"""`autopyfactory acknowledge`: take on what is wrong with a queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import ControlError, Link, fail, user
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import future_time


@click.command("acknowledge")
@conf_option
@click.argument("queue", shell_complete=queue_names)
@click.option("--reason", default="", help="What is being done about it; shown wherever the problem is.")
@click.option("--until", callback=future_time, metavar="TIME", help="Until (UTC): 14:00, 3d; else a day.")
@click.option("--cause", "codes", multiple=True, metavar="CODE", help="Only this, as `why --json` calls it.")
@click.option("--end", is_flag=True, help="It is no longer so.")
def command(
    conf: tuple[str, ...], queue: str, reason: str, until: datetime | None, codes: tuple[str, ...], end: bool
) -> None:
    """Take on what is wrong with QUEUE: it is shown as such, and `status --check` does not count it.

    What else goes wrong there later is news.
    """
    link = Link(conf)
    if not end and not reason.strip():
        raise click.UsageError("--reason is wanted: others will read it")
    arguments: dict[str, Any] = {"queue": queue, "codes": list(codes), "by": user()}
    try:
        if end:
            answer = link.ask("unacknowledge", **arguments)
            echo(f"{queue}: {', '.join(answer['codes']) or 'nothing'} was acknowledged, and is no longer")
            return
        if until is not None:
            arguments["until"] = until.isoformat()
        answer = link.ask("acknowledge", reason=reason, **arguments)
    except ControlError as err:
        fail(str(err))
    echo(f"{queue}: {answer['words']}")
