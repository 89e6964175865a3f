"""`autopyfactory check`: everything that is wrong with a configuration, at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from autopyfactory.cli.confoption import conf_option, queue_names
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.config import problemlist
from autopyfactory.config.fetch import READING, reading
from autopyfactory.config.model import Configuration
from autopyfactory.options.problem import ConfigError, Problem

if TYPE_CHECKING:
    from autopyfactory.check.sites import Look

OK, WRONG, UNREADABLE = 0, 1, 2
COLOURS = {"error": "red", "warning": "yellow"}


@click.command("check")
@conf_option
@click.argument("queues", metavar="[QUEUE]...", nargs=-1, shell_complete=queue_names)
@click.option("--strict", is_flag=True, help="Let warnings and doubts fail as errors do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--online",
    is_flag=True,
    help="Read sources on the network too, and look at the sites of QUEUEs (all that are enabled, if none is"
    " named): host, port, authentication, description; nothing is sent.",
)
@click.option(
    "--files/--no-files",
    default=True,
    show_default=True,
    help="Look at executables, credentials and folders on this machine.",
)
@click.pass_context
def command(
    ctx: click.Context,
    conf: tuple[str, ...],
    queues: tuple[str, ...],
    strict: bool,
    as_json: bool,
    online: bool,
    files: bool,
) -> None:
    """Report everything that is wrong with a configuration; with --online also with the sites of queues.

    Exit code 0: nothing is wrong (warnings and doubts do not count, unless --strict); 1: something is;
    2: wrong usage, or the configuration cannot be read at all. With QUEUEs only their sites count, and that
    they can run at all.
    """
    if queues and not online:
        raise click.UsageError("QUEUE is for --online: without it all of the configuration is checked")
    configuration, problems, code = examine(conf, online=online, files=files)
    looks: list[Look] = []
    if online and configuration is not None:
        from autopyfactory.cli import sitelooks

        looks = sitelooks.looks(configuration, queues)
        problems = [p for p in problems if p.section in queues] if queues else problems
    code = _code(problems, looks, strict) if code == OK else code
    if as_json:
        sites = {"sites": [sitelooks.as_data(one) for one in looks]} if online and configuration else {}
        print_json({"ok": code == OK, **problemlist.as_data(problems, configuration), **sites})
    else:
        if problems:
            click.echo(problemlist.render(problems, lambda text, kind: click.style(text, fg=COLOURS[kind])))
        for one in looks:
            echo(sitelooks.rendered(one))
        echo(problemlist.summary(problems, configuration))
    ctx.exit(code)


def _code(problems: list[Problem], looks: Sequence[Look], strict: bool) -> int:
    errors, warnings = problemlist.counts(problems)
    found = {one.course.outcome for one in looks}
    bad = errors or "wrong" in found or (strict and (warnings or "doubtful" in found))
    return WRONG if bad else OK


def examine(
    conf: tuple[str, ...], *, online: bool = False, files: bool = True
) -> tuple[Configuration | None, list[Problem], int]:
    """Return the configuration as far as it can be had, all problems, and 0 or UNREADABLE."""
    from autopyfactory.check import semantics
    from autopyfactory.config import build

    token = READING.set(replace(reading(), network=online, keep=False))
    try:
        configuration, _ = build.examine(conf)
    except ConfigError as err:
        return None, err.problems, UNREADABLE
    finally:
        READING.reset(token)
    problems = [*configuration.problems, *semantics.inspect(configuration, files=files)]
    return configuration, list(dict.fromkeys(problems)), OK
