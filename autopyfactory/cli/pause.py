"""`autopyfactory pause`: send nothing for a while."""

from __future__ import annotations

from datetime import datetime

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import Link
from autopyfactory.cli.orders import order, target
from autopyfactory.cli.timeargs import future_time


@click.command("pause")
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
    """Send no pilots for QUEUE until TIME or `resume`; those it has go on. Survives restarts."""
    order(Link(conf), "pause", target(queue, all_queues), until, reason)
