"""`autopyfactory reload`: make the running factory apply its configuration as it is now."""

from __future__ import annotations

import sys

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail
from autopyfactory.cli.plan import TIMEOUT, show


@click.command("reload")
@conf_option
@click.option("--all", "everything", is_flag=True, help="List every queue, however many there are.")
@click.option(
    "--allow-empty", is_flag=True, help="Apply it even if all queues of a file, or most of a list, are gone."
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(conf: tuple[str, ...], everything: bool, allow_empty: bool, as_json: bool) -> None:
    """Apply the configuration as it is now, as a whole or not at all; only changed queues restart.

    Ends with code 1 if the factory refused: then all is as it was.
    """
    try:
        answer = Link(conf).ask("reload", TIMEOUT, everything=everything, allow_empty=allow_empty)
    except NotRunning as err:
        fail(f"{err}; `autopyfactory plan` shows what starting it would do", 3)
    except ControlError as err:
        fail(str(err))
    show(answer, as_json, accepted=answer["applied"], verb="was")
    sys.exit(0 if answer["applied"] else 1)
