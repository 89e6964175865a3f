"""The command `autopyfactory`: without a subcommand it is the daemon; each subcommand is a module of its own.

Subcommands are imported when they are used, and not for `--help`: their first line of help is in the table.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

import click

from autopyfactory import __version__
from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.terminal import bear_any_text
from autopyfactory.daemon.exits import ExitCode
from autopyfactory.daemon.options import DaemonOptions

COMMANDS: dict[str, tuple[str, str]] = {
    "acknowledge": ("acknowledge", "Take on what is wrong with a queue."),
    "breakers": ("breakers", "Tell where pilots go wrong, and what is stopped."),
    "check": ("check", "Report everything that is wrong with a configuration."),
    "config": ("config_cmd", "Show, compare or convert configurations."),
    "credentials": ("credentials", "Show, renew or keep the credentials of pilots."),
    "cric": ("cric", "Make queues from what CRIC knows."),
    "drain": ("drain", "Let a queue run empty."),
    "history": ("history", "Show past cycles and decisions."),
    "onboard": ("onboard", "Try a queue's site with one pilot, then with more."),
    "pause": ("pause", "Stop sending pilots for a while."),
    "pilots": ("pilots", "List the pilots of the factory."),
    "plan": ("plan", "Show what the next cycle would do, and do nothing."),
    "plugin": ("plugin", "Make a plugin of your own."),
    "probe": ("probe", "Send a pilot to see whether a queue's site works."),
    "reload": ("reload", "Make the running factory read its configuration again."),
    "resume": ("resume", "End a pause or a drain."),
    "simulate": ("simulate", "Try a configuration on simulated work."),
    "status": ("status", "Show what the running factory does."),
    "web": ("web", "Serve the web pages of a factory."),
    "why": ("why", "Explain the last decisions of a queue."),
    "worst": ("worst", "Show the queues whose pilots do worst."),
    "wrapper": ("wrapper", "Build, show or try what the pilots of a queue run."),
}
"""name: (module in autopyfactory.cli with a click command called `command`, its short help)"""


class _Unusable(click.ClickException):
    exit_code = ExitCode.INTERNAL


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands that are installed."""
        return [name for name, (module, _) in COMMANDS.items() if _spec(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in COMMANDS or not _spec(COMMANDS[cmd_name][0]):
            return None
        try:
            module = importlib.import_module(f"autopyfactory.cli.{COMMANDS[cmd_name][0]}")
        except ImportError as err:
            raise _Unusable(f"the command {cmd_name} cannot be loaded: {err}") from err
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        if rows := [(name, COMMANDS[name][1]) for name in self.list_commands(ctx)]:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


def _spec(module: str) -> bool:
    return importlib.util.find_spec(f"autopyfactory.cli.{module}") is not None


@click.group(
    cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@conf_option
@click.option("-d", "--debug", "level", flag_value="DEBUG", help="Log everything.")
@click.option("--trace", "level", flag_value="DEBUG", hidden=True)  # as 2.4.1 knew it
@click.option("-v", "--info", "level", flag_value="INFO", help="Log what happens.")
@click.option(
    "--quiet", "level", flag_value="WARNING", default="WARNING", help="Log trouble only (the default)."
)
@click.option(
    "--log", metavar="FILE|stdout|syslog", default="stdout", show_default=True, help="Where to log."
)
@click.option("--console", is_flag=True, help="Log to standard output too.")
@click.option("--runas", metavar="USER", help="Become this user (as root).")
@click.option("--oneshot", "--one-shot", is_flag=True, help="One cycle per queue, then end.")
@click.option("--cycles", metavar="N", type=click.IntRange(min=0), help="N cycles per queue, then end.")
@click.option(
    "--sleep",
    metavar="S",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds between two rounds of the factory's housekeeping; overrides factory.sleep.",
)
@click.option("--pidfile", metavar="FILE", help="Write the process id there, and hold it as a lock.")
@click.option("--daemon", is_flag=True, help="Detach from the terminal once the factory is up.")
@click.option(
    "--console-log",
    metavar="FILE",
    help="With --daemon: where standard output and error go once detached; the file is opened as --runas.",
)
@click.version_option(__version__, message="autopyfactory %(version)s")
@click.pass_context
def cli(
    ctx: click.Context,
    conf: tuple[str, ...],
    level: str,
    log: str,
    console: bool,
    runas: str | None,
    oneshot: bool,
    cycles: int | None,
    sleep: float | None,
    pidfile: str | None,
    daemon: bool,
    console_log: str | None,
) -> None:
    """Keep the right number of pilot jobs at every computing element.

    Without a command, run the factory (in the foreground, unless --daemon is given).
    """
    if ctx.invoked_subcommand is not None:
        return  # `--conf` before a command: see confoption
    if oneshot and cycles not in (None, 1):
        raise click.UsageError("--oneshot means --cycles 1")
    options = DaemonOptions(
        conf, level, console, log, runas, 1 if oneshot else cycles, sleep, pidfile, daemon, console_log
    )
    from autopyfactory.daemon import wiring
    from autopyfactory.daemon.startup import run

    ctx.exit(run(options, wiring.load, wiring.build))


def main() -> None:
    """Run the command line."""
    if sys.stdout is None or sys.stderr is None:  # started with closed descriptors: they must lead somewhere
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    bear_any_text()
    cli(prog_name="autopyfactory")
