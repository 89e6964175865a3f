"""`autopyfactory why`: the story of a queue, from the running factory or from the history."""

from __future__ import annotations

from datetime import datetime

import click

from autopyfactory.api import answers
from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import Link, fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import past_minute
from autopyfactory.cli.whyall import all_queues
from autopyfactory.why import explain
from autopyfactory.why.render import render

EARLIER = 60  # cycles that are looked at to tell since when


@click.command("why")
@conf_option
@click.argument("queue", required=False, shell_complete=queue_names)
@click.option(
    "--at",
    callback=past_minute,
    metavar="TIME",
    help="Tell what was then (UTC), e.g. 02:14, 2026-11-22T02:14, 8h.",
)
@click.option(
    "--last",
    type=click.IntRange(1, 10000),
    default=EARLIER,
    show_default=True,
    metavar="N",
    help="Cycles to look at.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the story and the records as JSON.")
@click.option(
    "--schedd/--no-schedd", default=True, help="Ask the schedd about stuck pilots when no factory runs."
)
def command(
    conf: tuple[str, ...], queue: str | None, at: datetime | None, last: int, as_json: bool, schedd: bool
) -> None:
    """Explain the last decisions of QUEUE, and say what to do.

    Without QUEUE: everything that is wrong with any queue, the worst first.
    """
    link = Link(conf)
    if queue is None:
        if at is not None:
            raise click.UsageError("--at needs a QUEUE")
        all_queues(link, as_json=as_json)
        return
    if at is not None:
        records, problem = answers.stored(link, queue, last, at)
        if not records:
            fail(problem or f"nothing is kept about {queue} up to {at:%Y-%m-%d %H:%MZ}")
        story = explain(records, None, queue=queue)
    else:
        try:
            records, live, problem = answers.why(link, queue, last, schedd=schedd, relayed=True)
        except answers.Unknown as err:
            fail(str(err))
        story = explain(records, live, queue=queue)
    if as_json:
        print_json(answers.as_data(story, records, problem))
        return
    for line in render(story):
        echo(line)
    if problem:
        echo(f"\n({problem})", err=True)
