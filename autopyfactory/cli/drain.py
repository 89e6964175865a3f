"""`autopyfactory drain`: let a queue run empty."""

from __future__ import annotations

from datetime import datetime

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import Link
from autopyfactory.cli.orders import order, target
from autopyfactory.cli.timeargs import future_time


@click.command("drain")
@conf_option
@click.argument("queue", required=False)
@click.option("--all", "all_queues", is_flag=True, help="All queues.")
@click.option(
    "--until", callback=future_time, metavar="TIME", help="End by itself then (UTC), e.g. 14:00, 2h."
)
@click.option("--reason", default="", help="Why; shown wherever the queue is.")
def command(
    conf: tuple[str, ...], queue: str | None, all_queues: bool, until: datetime | None, reason: str
) -> None:
    """Let QUEUE run empty: no new pilots, and those that do not run yet are taken back.

    Running pilots go on to their end. Lasts until TIME or `resume`, also over restarts.
    """
    order(Link(conf), "drain", target(queue, all_queues), until, reason)
