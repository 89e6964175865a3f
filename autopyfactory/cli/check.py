"""`autopyfactory check`: everything that is wrong with a configuration, at once."""

from __future__ import annotations

from dataclasses import replace

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.config import problemlist
from autopyfactory.config.fetch import READING, reading
from autopyfactory.config.model import Configuration
from autopyfactory.options.problem import ConfigError, Problem

OK, WRONG, UNREADABLE = 0, 1, 2
COLOURS = {"error": "red", "warning": "yellow"}


@click.command("check")
@conf_option
@click.option("--strict", is_flag=True, help="Let warnings fail as errors do.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--online", is_flag=True, help="Read sources on the network too.")
@click.option(
    "--files/--no-files", default=True, show_default=True, help="Look for executables on this machine."
)
@click.pass_context
def command(
    ctx: click.Context, conf: tuple[str, ...], strict: bool, as_json: bool, online: bool, files: bool
) -> None:
    """Report everything that is wrong with a configuration.

    Exit code 0: nothing is wrong (warnings do not count, unless --strict); 1: something is; 2: wrong usage,
    or the configuration cannot be read at all.
    """
    configuration, problems, code = examine(conf, online=online, files=files)
    errors, warnings = problemlist.counts(problems)
    if code == OK and (errors or (strict and warnings)):
        code = WRONG
    if as_json:
        print_json({"ok": code == OK, **problemlist.as_data(problems, configuration)})
    else:
        if problems:
            click.echo(problemlist.render(problems, lambda text, kind: click.style(text, fg=COLOURS[kind])))
        echo(problemlist.summary(problems, configuration))
    ctx.exit(code)


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
