"""`autopyfactory probe`: one real pilot, followed to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail, user
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import time_span
from autopyfactory.model.text import count, printable

WELL, WRONG, NO_FACTORY = 0, 1, 3
LOOK = 1.0  # seconds between two questions
SILENT = 120.0  # seconds for which the factory may be too busy to answer
WHO = {
    "us": "the factory's operator", "site": "the site", "credentials": "who looks after credentials",
    "work": "who looks after the payloads", "nobody": "nobody",
}  # fmt: skip
GOOD = ("well", "runs")

Data = Mapping[str, Any]


@click.command("probe")
@conf_option
@click.argument("queue", shell_complete=queue_names)
@click.option("--anyway", is_flag=True, help="In spite of a pause, a downtime, the site's status, a ramp.")
@click.option(
    "--limit", callback=time_span, default="1h", show_default=True, metavar="TIME", help="Follow for so long."
)
@click.option(
    "--enough", callback=time_span, metavar="TIME", help="A pilot that has run for so long has done well."
)
@click.option("--keep", is_flag=True, help="Leave a pilot that goes wrong where it is.")
@click.option("--last", is_flag=True, help="Send nothing; tell of the last probe of QUEUE.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def command(
    ctx: click.Context,
    conf: tuple[str, ...],
    queue: str,
    anyway: bool,
    limit: timedelta,
    enough: timedelta | None,
    keep: bool,
    last: bool,
    as_json: bool,
) -> None:
    """Send one real pilot through QUEUE's own plugin, and follow it to its end.

    The running factory sends it, as every pilot: with its tag, in its book, within its limits, whatever the
    work. Each stage is told with its time, then the first thing that went wrong, and who has to act.

    Exit code 0: the pilot did well, or runs still at the limit; 1: something went wrong, or nothing was sent;
    3: no factory answers.
    """
    link = Link(conf)
    show: Callable[[str], None] = (lambda _: None) if as_json else echo
    if last:
        found = asked(link, "probed", queue=queue)
        for line in told(found, {}):
            show(line)
    else:
        overrules = ["pause", "rules"] if anyway else []
        try:
            found = run(link, show, queue, limit, enough, overrules=overrules, keep=keep)
        except KeyboardInterrupt:
            fail(f"no longer followed here: see `autopyfactory probe {queue} --last`", 130)
    if as_json:
        print_json(found)
    for line in verdict(found):
        show(line)
    ctx.exit(WELL if found["outcome"] in GOOD else WRONG)


def run(
    link: Link,
    show: Callable[[str], None],
    queue: str,
    limit: timedelta,
    enough: timedelta | None,
    **arguments: Any,
) -> dict[str, Any]:
    """Have the factory send, `show` each stage as it is reached, and return how it ended."""
    well = {} if enough is None else {"enough": enough.total_seconds()}
    found = asked(link, "probe", queue=queue, by=user(), limit=limit.total_seconds(), **well, **arguments)
    show(f"{found['queue']}: {count(found['wanted'], 'pilot')} to {found['ce']}")
    known: dict[str, int] = {}
    while True:
        for line in told(found, known):
            show(line)
        if found["outcome"] != "under way":
            return found
        sleep(LOOK)
        found = _again(link, found["probe"])


def _again(link: Link, number: int) -> dict[str, Any]:
    """Return how the probe goes on; a factory that is busy is asked again for a while."""
    end = monotonic() + SILENT
    while True:
        try:
            answer: dict[str, Any] = link.ask("probed", probe=number)
        except NotRunning:
            fail("the factory has ended; its pilots go on by themselves", NO_FACTORY)
        except ControlError as err:
            if monotonic() > end or "no such probe" in str(err):
                fail(str(err))
            sleep(LOOK)
        else:
            return answer


def asked(link: Link, name: str, **arguments: Any) -> dict[str, Any]:
    """Return the factory's answer; ends the command when there is none."""
    try:
        answer: dict[str, Any] = link.ask(name, **arguments)
    except NotRunning as err:
        why = "pilots are sent by a running factory, so that they are in its book and within its limits"
        fail(f"{err}: {why}; `autopyfactory check --online {arguments.get('queue')}` needs none", NO_FACTORY)
    except ControlError as err:
        fail(str(err))
    return answer


def told(found: Data, known: dict[str, int]) -> Iterator[str]:
    """Yield a line for each stage that is not `known` yet, which counts them by pilot."""
    rows: list[tuple[float, str]] = []
    for pilot in found["pilots"]:
        job = pilot["job"]
        for stage in pilot["stages"][known.get(job, 0) :]:
            words = f": {printable(stage['words'])}" if stage["words"] else ""
            rows.append((stage["after"], f"{stage['after']:8.1f} s  {job:<8}  {stage['stage']}{words}"))
        known[job] = len(pilot["stages"])
    for _, line in sorted(rows, key=lambda row: row[0]):
        yield line


def verdict(found: Data) -> Iterator[str]:
    """Yield what it comes to: that all is well, or what went wrong first and who has to act."""
    for note in found["notes"]:
        yield f"  note: {printable(note)}"
    wrong = found["first_wrong"]
    if wrong is not None:
        yield f"{found['queue']}: {_before(found, wrong['stage'])}: {printable(wrong['words'])}"
        then = f": {wrong['next']}" if wrong["next"] else ""
        yield f"  {WHO[wrong['who']]} has to act{then}"
    elif found["outcome"] == "runs":
        yield f"{found['queue']}: well so far: what was sent runs"
    else:
        yield f"{found['queue']}: all is well"


def _before(found: Data, stage: str) -> str:
    if found["outcome"] == "refused":
        return "not sent"
    return {"ended": "went wrong at its end", "payloads": "went wrong as it ran"}.get(
        stage, f"went wrong before it was {stage}"
    )
