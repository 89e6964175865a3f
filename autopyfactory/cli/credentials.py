"""`autopyfactory credentials`: whose they are, how long they hold; make them anew; keep them."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich import box
from rich.table import Table

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.screen import wide_console
from autopyfactory.cli.terminal import echo
from autopyfactory.model.text import some, span

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration
    from autopyfactory.factory.credentials import Credentials
    from autopyfactory.logs.setup import Logs

log = logging.getLogger("autopyfactory.credentials")
SLOW = 900.0  # seconds for renewals, one after the other
ROUND = 5.0  # seconds between two rounds of the stand-alone mode


@click.group("credentials", invoke_without_command=True)
@conf_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, conf: tuple[str, ...], as_json: bool) -> None:
    """Show the credential profiles: from the running factory, else as their files are now.

    Exit code 1 if something is wrong with one of them.
    """
    if ctx.invoked_subcommand is not None:
        return
    link = Link(conf)
    try:
        rows: list[dict[str, Any]] = link.ask("credentials")["credentials"]
    except NotRunning:
        rows = _looked_at(_configuration(link))
    except ControlError as err:
        fail(str(err))
    if as_json:
        print_json({"credentials": rows})
    else:
        _show(rows)
    ctx.exit(1 if any(row["trouble"] for row in rows) else 0)


@command.command("renew")
@conf_option
@click.argument("profiles", nargs=-1, required=True)
def renew(conf: tuple[str, ...], profiles: tuple[str, ...]) -> None:
    """Make the credentials of PROFILES anew now, whatever time they have left."""
    link = Link(conf)
    try:
        failed = link.ask("renew", SLOW, profiles=list(profiles))["failed"]
    except NotRunning:
        failed = _renewed(_configuration(link), profiles)
    except ControlError as err:
        fail(str(err))
    for name, why in failed.items():
        echo(f"autopyfactory: {name}: {why}", err=True)
    if failed:
        raise SystemExit(1)
    echo(f"renewed: {', '.join(profiles)}")


@command.command("keep")
@conf_option
@click.option(
    "--profiles", metavar="FILE[,FILE...]", help="Keep what these say (auth.conf, proxy.conf); no --conf."
)
@click.option("--once", is_flag=True, help="Look and renew once, then end; code 1 if something is wrong.")
@click.option(
    "--log", metavar="FILE|stdout|syslog", default="stdout", show_default=True, help="Where to log."
)
def keep(conf: tuple[str, ...], profiles: str | None, once: bool, log: str) -> None:
    """Keep the credential profiles fresh without a factory, until TERM; HUP reads the configuration again.

    For credentials that another user makes than the factory's, or that several factories share: what
    proxymanager was in 2.4. The factories' own authConf says x509.renew = False for them.
    """
    from autopyfactory.logs.setup import CannotLog, setup

    def load() -> Configuration:
        return _profiles(profiles.split(",")) if profiles else _configuration(Link(conf))

    if once:
        rows = _looked_at(load(), renew=True)
        _show(rows)
        raise SystemExit(1 if any(row["trouble"] for row in rows) else 0)
    configuration = load()
    try:
        logs = setup(log, logging.INFO)
    except CannotLog as err:
        fail(str(err))
    logs.start()
    try:
        _keep(configuration, load, logs)
    finally:
        logs.close()


def _configuration(link: Link) -> Configuration:
    configuration = link.configuration
    if configuration is None:
        fail("the configuration cannot be read: see `autopyfactory check`", 2)
    return configuration


def _profiles(files: Sequence[str]) -> Configuration:
    """Return a configuration of nothing but the profiles in `files`; an error in them ends the command."""
    from autopyfactory.config.build import only_profiles

    configuration = only_profiles([name.strip() for name in files if name.strip()])
    for problem in configuration.problems:
        echo(str(problem), err=True)
    if configuration.errors:
        raise SystemExit(2)
    return configuration


def _keep(configuration: Configuration, load: Callable[[], Configuration], logs: Logs) -> None:
    """Keep until TERM or INT."""
    stop, again = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGHUP, lambda *_: again.set())

    def tell(profile: str, words: str, bad: bool) -> None:
        log.log(logging.ERROR if bad else logging.WARNING, "credential %s: %s", profile, words)

    made = _made(configuration, tell)
    log.info("keeping %s", some(list(configuration.auth_choices), 20) or "no profile")
    try:
        while not stop.is_set():
            if again.is_set():
                again.clear()
                logs.reopen()
                _reload(made, load)
            made.step()
            stop.wait(ROUND if made.settled else 0.2)
    finally:
        made.end()


def _reload(made: Credentials, load: Callable[[], Configuration]) -> None:
    """Apply the configuration as it is now; what cannot be read leaves the old one in force."""
    try:
        made.want(load())
    except SystemExit:
        log.error("the configuration cannot be read: the old one stays in force")  # said on stderr already


def _made(
    configuration: Configuration, tell: Callable[[str, str, bool], None], still: bool = False
) -> Credentials:
    """Return the profiles' keepers; `still` ones have no threads."""
    from autopyfactory.credentials.wallet import Wallet
    from autopyfactory.factory.credentials import Credentials
    from autopyfactory.factory.profileusers import configured_users
    from autopyfactory.model.clock import SystemClock

    clock = SystemClock()
    users = configured_users(configuration)
    made = Credentials(Wallet(clock), lambda: users, clock, tell, still=still)
    made.want(configuration)
    return made


def _looked_at(configuration: Configuration, *, renew: bool = False) -> list[dict[str, Any]]:
    from autopyfactory.api.credentials import rows

    made = _made(configuration, lambda *_: None, still=True)
    made.step()
    made.tend(renew)
    return rows(made, configuration, datetime.now(UTC))


def _renewed(configuration: Configuration, names: Sequence[str]) -> dict[str, str]:
    from autopyfactory.api.credentials import renewed

    if unknown := [n for n in names if n not in configuration.auth_choices]:
        fail(f"there is no usable profile {', '.join(unknown)} in authConf", 2)
    made = _made(configuration, lambda *_: None, still=True)
    made.step()
    made.tend(False)
    return renewed(made, list(names))


def _show(rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        echo(
            "no credential profiles: authConf names none. Tokens and proxies that queues name as files are "
            "looked at by `autopyfactory check`, and shown to their CEs by `autopyfactory check --online`"
        )
        return
    table = Table(box=box.SIMPLE)
    for head in (
        "profile",
        "for",
        "kind",
        "owner",
        "roles, scopes",
        "audience",
        "time left",
        "used by",
        "trouble",
    ):
        table.add_column(head, overflow="fold")
    for row in rows:
        left = "" if row["left"] is None else span(row["left"]) if row["left"] > 0 else "expired"
        left = "never ends" if row["kind"] and row["expires"] is None else left
        table.add_row(
            *(row["profile"], row["ce"] or "all", row["kind"] or row["plugin"], row["owner"]),
            *(
                " ".join(row["roles"]),
                " ".join(row["audience"]),
                left,
                some(row["queues"], 3),
                row["trouble"],
            ),
        )
    wide_console().print(table)
