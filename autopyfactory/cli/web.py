"""`autopyfactory web`: the pages of a factory, also of one that is down; and tokens that may act there."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import Link, fail
from autopyfactory.cli.terminal import echo
from autopyfactory.cli.timeargs import future_time

SCOPES = ("view", "operate")


@click.group("web", invoke_without_command=True)
@conf_option
@click.option("--port", type=click.IntRange(0, 65535), help="Port; default: web.port, else any that is free.")
@click.option("--host", help="Address; default: web.host.")
@click.pass_context
def command(ctx: click.Context, conf: tuple[str, ...], port: int | None, host: str | None) -> None:
    """Serve the web pages of a factory, from its socket, or from its history when it is down."""
    ctx.obj = Link(conf)
    if ctx.invoked_subcommand is None:
        from autopyfactory.web.server import serve

        sys.exit(serve(conf, port=port, host=host))


@command.group("token")
def token() -> None:
    """Make, list and revoke the tokens that identify people and programs."""


@token.command("add")
@click.argument("name")
@click.option("--scope", type=click.Choice(SCOPES), default="view", show_default=True)
@click.option("--until", callback=future_time, default="90d", show_default=True, metavar="TIME",
              help="When it expires (UTC), e.g. 2026-12-31, 30d.")  # fmt: skip
@click.pass_obj
def add(link: Link, name: str, scope: str, until: datetime) -> None:
    """Make a token for NAME and print it: it is not kept, only a hash of it."""
    from autopyfactory.web.tokens import TokenError, Tokens, token_file

    try:
        made = Tokens(token_file(link.state_dir)).add(
            name, "operate" if scope == "operate" else "view", datetime.now(UTC), until
        )
    except TokenError as err:
        fail(str(err))
    echo(made)


@token.command("list")
@click.pass_obj
def list_(link: Link) -> None:
    """List the tokens."""
    from autopyfactory.web.tokens import TokenError, Tokens, token_file

    try:
        known = Tokens(token_file(link.state_dir)).all()
    except TokenError as err:
        fail(str(err))
    for t in known:
        over = "  (expired)" if t.over(datetime.now(UTC)) else ""
        echo(f"{t.name:<24} {t.scope:<8} until {t.expires}{over}")


@token.command("revoke")
@click.argument("name")
@click.pass_obj
def revoke(link: Link, name: str) -> None:
    """Revoke the token of NAME."""
    from autopyfactory.web.tokens import TokenError, Tokens, token_file

    try:
        Tokens(token_file(link.state_dir)).revoke(name)
    except TokenError as err:
        fail(str(err))
    echo(f"{name}: revoked")
