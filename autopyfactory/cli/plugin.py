"""`autopyfactory plugin`: for authors of plugins."""

from __future__ import annotations

from pathlib import Path

import click

from autopyfactory.cli import pluginpackage
from autopyfactory.cli.terminal import echo


@click.group("plugin")
def command() -> None:
    """Make a plugin of your own."""


@command.command("new")
@click.argument("kind", type=click.Choice(list(pluginpackage.KINDS)))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="Folder in which the package's own folder is made.",
)
def new(kind: str, name: str, into: Path) -> None:
    """Write a complete small package with the plugin NAME, to be changed into what you need.

    It can be installed, passes `check`, and its tests hold the contract of its kind. Nothing that exists is
    overwritten. Exit code 0: good; 1: it could not be written; 2: wrong usage, or the name is taken.
    """
    try:
        folder = pluginpackage.write(kind, name, into)
    except pluginpackage.NameTaken as err:
        raise click.UsageError(str(err)) from None
    except OSError as err:
        raise click.ClickException(f"{err.filename}: {err.strerror}") from None
    echo(f"{folder}: its README says how to go on")
