"""`autopyfactory onboard`: a look at the site, one pilot, then more, as long as each step goes well."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, NoReturn

import click

from autopyfactory.cli import probe
from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.link import Link, fail, user
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import time_span
from autopyfactory.model.text import count, printable, span

STEPS = (1, 2, 4)  # pilots
REASON = "onboarding"


@click.command("onboard")
@conf_option
@click.argument("queue", shell_complete=queue_names)
@click.option(
    "--limit", callback=time_span, default="1h", show_default=True, metavar="TIME", help="For each step."
)
@click.option(
    "--enough", callback=time_span, metavar="TIME", help="A pilot that has run for so long has done well."
)
@click.option("--anyway", is_flag=True, help="In spite of a pause of others, a downtime, a site's status.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def command(
    ctx: click.Context,
    conf: tuple[str, ...],
    queue: str,
    limit: timedelta,
    enough: timedelta | None,
    anyway: bool,
    as_json: bool,
) -> None:
    """Try QUEUE's site before it gets real work: a look at it, then 1, 2 and 4 pilots, each step reported.

    The queue is paused meanwhile, so that only these pilots go. It is resumed when every step went well; it
    stays paused, with the reason, at the first that did not, and what to do then is said.

    Exit code 0: all went well; 1: a step went wrong; 3: no factory answers.
    """
    link = Link(conf)
    show: Callable[[str], None] = (lambda _: None) if as_json else echo
    ours = _pause(link, queue, anyway=anyway)
    try:
        report = _steps(link, show, queue, limit, enough, anyway=anyway)
    except KeyboardInterrupt:
        _left(queue, paused=ours)
    except SystemExit:  # it has been said why
        for line in (f"  {queue} stays paused", *_onward(queue, paused=ours)) if ours else ():
            echo(line, err=True)
        raise
    wrong = report["wrong"]
    if ours:
        _settle(link, queue, wrong)
    if as_json:
        print_json(report)
    show(f"{queue}: {'all steps went well' if not wrong else f'stopped at {wrong}'}{_state(ours, wrong)}")
    if wrong:
        for line in _onward(queue, paused=ours):
            show(line)
    ctx.exit(probe.WRONG if wrong else probe.WELL)


def _left(queue: str, *, paused: bool) -> NoReturn:
    stays = f"; {queue} stays paused" if paused else ""
    said = f"no longer followed here: see `autopyfactory probe {queue} --last`{stays}"
    fail("\n".join((said, *_onward(queue, paused=paused))), 130)


def _onward(queue: str, *, paused: bool) -> Iterator[str]:
    """Yield how to go on after a stop."""
    yield f"  when it is mended: `autopyfactory onboard {queue}` begins again, with the look at the site"
    if paused:
        yield f"  `autopyfactory resume {queue}` ends the pause without it: then it gets real work"


def _state(ours: bool, wrong: str) -> str:
    if not ours:
        return "; its pause stays as it was"
    return "; it stays paused" if wrong else "; it is no longer paused"


def _pause(link: Link, queue: str, *, anyway: bool) -> bool:
    """Pause the queue for the time; return whether the pause is ours. Somebody else's ends the command."""
    (row,) = probe.asked(link, "status", queue=queue)["queues"]
    paused = row.get("pause")
    if paused and REASON not in str(paused) and not anyway:
        fail(f"{queue} is {printable(str(paused))}; with --anyway it is tried all the same")
    if paused and REASON not in str(paused):
        return False
    probe.asked(link, "pause", queue=queue, reason=REASON, by=user(), replace=True)
    return True


def _settle(link: Link, queue: str, wrong: str) -> None:
    """Resume the queue, or say in its pause why it stays."""
    if wrong:
        why = f"{REASON} stopped at {wrong}"
        probe.asked(link, "pause", queue=queue, reason=printable(why, 200), by=user(), replace=True)
    else:
        probe.asked(link, "resume", queue=queue)


def _steps(
    link: Link,
    show: Callable[[str], None],
    queue: str,
    limit: timedelta,
    enough: timedelta | None,
    *,
    anyway: bool,
) -> dict[str, Any]:
    """Go through the steps, up to the first that goes wrong; return all of them."""
    report: dict[str, Any] = {"queue": queue, "site": None, "steps": [], "wrong": ""}
    if wrong := _look(link, show, queue, report):
        return {**report, "wrong": wrong}
    overrules = ["pause", "rules"] if anyway else ["pause"]
    for number, n in enumerate(STEPS, 1):
        show(f"step {number} of {len(STEPS)}: {count(n, 'pilot')}")
        found = probe.run(link, show, queue, limit, enough, pilots=n, overrules=overrules)
        report["steps"].append(found)
        for line in (*_summed(found), *probe.verdict(found)):
            show(line)
        if found["outcome"] not in probe.GOOD:
            first = found["first_wrong"]
            return {**report, "wrong": f"step {number} ({count(n, 'pilot')}): {first['words']}"}
    return report


def _look(link: Link, show: Callable[[str], None], queue: str, report: dict[str, Any]) -> str:
    """Look at the site without sending anything; return what is wrong, empty: nothing is for certain."""
    from autopyfactory.cli import sitelooks

    configuration = link.configuration
    if configuration is None:
        fail("the configuration cannot be read: see `autopyfactory check`", 2)
    looks = sitelooks.looks(configuration, [queue])  # of several CEs at each
    for look in looks:
        show(sitelooks.rendered(look))
    told = next((look for look in looks if look.course.first_wrong), looks[0])
    report["site"] = sitelooks.as_data(told)
    first = told.course.first_wrong
    return f"the look at the site ({first.name}): {first.found.words}" if first else ""


def _summed(found: Mapping[str, Any]) -> list[str]:
    """Return how long the pilots of a step needed to run, the quickest and the slowest."""
    starts = [
        stage["after"]
        for pilot in found["pilots"]
        for stage in pilot["stages"]
        if stage["stage"] == "running"
    ]
    if not starts:
        return []
    quick, slow = span(min(starts)), span(max(starts))
    return [
        f"  {len(starts)} of {found['wanted']} ran, after {quick if quick == slow else f'{quick} to {slow}'}"
    ]
