"""The option `--conf`, the same for every command that reads a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from autopyfactory.daemon.options import DEFAULT_CONF

F = TypeVar("F", bound=Callable[..., Any])


def _names(_ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(part for part in (p.strip() for p in value.split(",")) if part)
    if not names:
        raise click.BadParameter("names no file")
    return names


def conf_option(command: F) -> F:
    """Add `--conf FILE[,FILE...]`; the command gets a tuple `conf`."""
    return click.option(
        "--conf",
        metavar="FILE[,FILE...]",
        default=DEFAULT_CONF,
        envvar="AUTOPYFACTORY_CONF",
        show_default=True,
        show_envvar=True,
        callback=_names,
        help="Configuration of the factory; later files win.",
    )(command)
