"""`autopyfactory resume`: end a pause or a drain."""

from __future__ import annotations

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import Link
from autopyfactory.cli.orders import resume, target


@click.command("resume")
@conf_option
@click.argument("queue", required=False, shell_complete=queue_names)
@click.option(
    "--all", "all_queues", is_flag=True, help="End the pause of all queues, not those of single ones."
)
def command(conf: tuple[str, ...], queue: str | None, all_queues: bool) -> None:
    """End the pause or drain of QUEUE."""
    resume(Link(conf), target(queue, all_queues))
