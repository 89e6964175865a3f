"""`autopyfactory resume`: end a pause or a drain."""

from __future__ import annotations

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import Link
from autopyfactory.cli.orders import each, resume, targets


@click.command("resume")
@conf_option
@click.argument("queues", metavar="[QUEUE]...", nargs=-1, shell_complete=queue_names)
@click.option(
    "--all", "all_queues", is_flag=True, help="End the pause of all queues, not those of single ones."
)
def command(conf: tuple[str, ...], queues: tuple[str, ...], all_queues: bool) -> None:
    """End the pause or drain of QUEUEs."""
    link = Link(conf)
    each(targets(queues, all_queues), lambda name: resume(link, name))
