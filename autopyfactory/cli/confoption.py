"""The option `--conf`: of the factory, and of every command that reads a configuration."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from autopyfactory.daemon.options import DEFAULT_CONF

ENVIRONMENT = "AUTOPYFACTORY_CONF"
F = TypeVar("F", bound=Callable[..., Any])


def _names(ctx: click.Context, _param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(part for part in (p.strip() for p in value.split(",")) if part)
    if ctx.get_parameter_source("conf") is not ParameterSource.COMMANDLINE:
        before = _given_before(ctx)
        names = names if before is None else before
    if not names and ctx.parent is not None:  # what comes after the factory's own may still name one
        raise click.BadParameter("names no file")
    return names


def _given_before(ctx: click.Context) -> tuple[str, ...] | None:
    """Return the files that the command line names before this command: they win over the environment."""
    above = ctx.parent
    while above is not None:
        if above.get_parameter_source("conf") is ParameterSource.COMMANDLINE:
            names: tuple[str, ...] = above.params["conf"]
            return names
        above = above.parent
    return None


def queue_names(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Return the queues that begin with `incomplete`, for completion in shells: as the files have them."""
    conf = ctx.params.get("conf") or _given_before(ctx) or (os.environ.get(ENVIRONMENT, DEFAULT_CONF),)
    from autopyfactory.api.access import Access

    try:
        known = Access([name for text in conf for name in text.split(",")]).configuration
    except Exception:  # noqa: BLE001 - a completion says nothing rather than a traceback
        return []
    return sorted(n for n in (known.queues if known else ()) if n.startswith(incomplete))


def missing(conf: Sequence[str]) -> str:
    """Return what is to be said when one of the files in `conf` does not exist; else nothing.

    What the others say alone may be another factory.
    """
    from autopyfactory.config.fetch import is_url

    for source in conf:
        if not is_url(source) and not Path(source).exists():
            return f"{source}: there is no such file (named by --conf, or AUTOPYFACTORY_CONF)"
    return ""


def conf_option(command: F) -> F:
    """Add `--conf FILE[,FILE...]`; the command gets a tuple `conf`.

    The one nearest to the command wins, wherever on the command line it stands; the environment comes after
    all of them.
    """
    return click.option(
        "--conf",
        metavar="FILE[,FILE...]",
        default=DEFAULT_CONF,
        envvar=ENVIRONMENT,
        show_default=True,
        show_envvar=True,
        callback=_names,
        help="Configuration of the factory; later files win.",
    )(command)
