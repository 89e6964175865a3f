"""`autopyfactory config`: show, describe, start and convert configurations."""

from __future__ import annotations

import getpass
import os
import socket
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from autopyfactory.cli.check import COLOURS, UNREADABLE, WRONG, examine
from autopyfactory.cli.confoption import conf_option, missing, queue_names
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo
from autopyfactory.config import problemlist
from autopyfactory.config.model import Configuration
from autopyfactory.control.client import ControlError, NotRunning, call
from autopyfactory.options.problem import ConfigError


@click.group("config")
def command() -> None:
    """Show, describe, start and convert configurations."""


@command.command(short_help="Show the values in effect and where each comes from.")
@click.argument("queue", required=False, shell_complete=queue_names)
@conf_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "everything", is_flag=True, help="Show options that are not set too.")
@click.option("--files", "from_files", is_flag=True, help="What the files say, also while a factory runs.")
@click.option("--online", is_flag=True, help="Read sources on the network too (with --files).")
@click.pass_context
def dump(
    ctx: click.Context,
    queue: str | None,
    conf: tuple[str, ...],
    as_json: bool,
    everything: bool,
    from_files: bool,
    online: bool,
) -> None:
    """Show the values in effect and where each comes from, of one QUEUE or of everything.

    While the factory runs these are the values it works with, which edited files do not change before a
    reload; otherwise those of the files. Secrets are masked. Exit code 1: there is no such queue; 2: the
    configuration cannot be read.
    """
    from autopyfactory.config import dump as dumping

    if text := missing(conf):
        echo(text, err=True)
        ctx.exit(UNREADABLE)
    configuration, problems, _ = examine(conf, online=online, files=False)
    if configuration is None:
        echo(problemlist.render(problems), err=True)
        ctx.exit(UNREADABLE)
    if not (from_files or online):
        answer = _in_force(configuration, queue, everything)
        if answer is not None:
            echo("these values are in force in the running factory", err=True)
            if as_json:
                print_json({"blocks": answer["data"]})
            else:
                echo(answer["text"], nl=False)
            return
    try:
        found = list(dumping.blocks(configuration, queue))
    except KeyError:
        _no_such_queue(queue or "", [*configuration.queues, *configuration.broken])
        ctx.exit(WRONG)
    if as_json:
        print_json({"blocks": dumping.as_data(found)})
    else:
        echo(dumping.render(found, everything=everything), nl=False)


def _in_force(configuration: Configuration, queue: str | None, everything: bool) -> dict[str, Any] | None:
    """Return the answer of the factory that runs with this configuration's socket; None without one."""
    state = Path(configuration.factory.state_dir).expanduser()
    given = configuration.factory.socket
    place = Path(given).expanduser() if given else state / "control.sock"
    try:
        answer: dict[str, Any] = call(place, "dump", queue=queue, everything=everything)
        return answer
    except NotRunning:
        return None
    except ControlError as err:
        echo(f"{err}; the files say:", err=True)
        return None


def _no_such_queue(name: str, known: list[str]) -> None:
    from autopyfactory.config.keys import closest

    meant = closest(name, known)
    hint = f"; did you mean {meant}?" if meant else ""
    echo(f"there is no queue {name!r}{hint}", err=True)


@command.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "markdown", "man"]),
    default="text",
    show_default=True,
    help="As what.",
)
def reference(form: str) -> None:
    """Describe all options of all plugins that are installed."""
    from autopyfactory.config.reference import chapters
    from autopyfactory.config.referencepages import FORMATS
    from autopyfactory.config.registry import installed

    echo(FORMATS[form](chapters(installed())), nl=False)


_WMS = click.Choice(["Condor", "Panda"], case_sensitive=False)


@command.command()
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--dir", "also", metavar="DIR", type=click.Path(path_type=Path), help="The same as DIR.")
@click.option("--factory-id", help="Name of the factory, unique in the world.")
@click.option("--admin-email", help="Who gets mail.")
@click.option("--smtp-server", help="Mail server.")
@click.option("--wms", type=click.Choice(_WMS.choices), help="Where the work is.")
@click.option("--wmsqueue", help="Label of the jobs, or site as the WMS calls it.")
@click.option("--ce", "ces", multiple=True, metavar="HOST[:PORT]", help="An HTCondor-CE; may be repeated.")
@click.option("--collector", help="Collector of the users' pool (with Condor).")
@click.option("--schedd", help="Schedd where users' jobs wait (with Condor).")
@click.option("--pool-token", metavar="FILE", help="Token that lets pilots join the users' pool.")
@click.option("--pilot-collector", help="Collector that knows the schedd pilots go through.")
@click.option("--pilot-schedd", help="Schedd that pilots go through; without it the local one.")
@click.option("--executable", help="What pilots run.")
@click.option("--arguments", help="Its arguments.")
@click.option("--condor", metavar="DIR", help="Where HTCondor is on the worker nodes, if not on PATH.")
@click.option("--token", metavar="FILE", help="Token for the CEs.")
@click.option("--log-dir", help="Folder for the pilots' logs.")
@click.option("--log-url", help="Where a web server shows them.")
@click.option("--state-dir", help="Folder for the factory's own state.")
@click.option("--force", is_flag=True, help="Overwrite files.")
@click.option("--yes", "-y", is_flag=True, help="Ask nothing.")
def init(folder: Path | None, also: Path | None, force: bool, yes: bool, **given: Any) -> None:
    """Write a commented starter configuration into DIR (default: the current folder).

    Asks for what is not given, if there is a terminal to ask; else what cannot be guessed has to be given.
    """
    from autopyfactory.config import starter

    folder = folder or also or Path()
    answers = _ask(given, quiet=yes or not _terminal())
    if os.geteuid() != 0:  # an ordinary user can write neither /var/lib nor /var/log
        answers.setdefault("state_dir", str(folder.absolute() / "state"))
        answers.setdefault("log_dir", str(folder.absolute() / "pilots"))
    answers["ces"] = tuple(map(starter.CE, answers["ces"]))
    complete = starter.Answers(**answers)
    try:
        written = starter.write(folder, complete, force=force)
    except FileExistsError as err:
        raise click.ClickException(f"already there: {err}; use --force to overwrite") from err
    except (OSError, ValueError) as err:
        raise click.ClickException(str(err)) from err
    for path in written:
        echo(f"wrote {path}")
    if needed := starter.unfilled(complete):
        echo(f"To be filled in, in {folder / 'queues.conf'}:")
        for key, what in needed.items():
            echo(f"  {key}: {what}")
    echo(f"Next: look through them, then autopyfactory check --conf {folder / 'autopyfactory.conf'}")


_QUESTIONS = {
    "factory_id": "Name of this factory, unique in the world",
    "admin_email": "Who gets mail",
    "wms": "Where is the work (Condor, Panda)",
    "wmsqueue": "Label of the jobs, or site as the WMS calls it",
    "collector": "Collector of the users' pool, as host or host:port",
    "pool_token": "File with the token that lets pilots join that pool",
    "condor": "Where HTCondor is on the worker nodes (empty: on PATH)",
    "pilot_schedd": "Schedd that pilots go through (empty: this host's)",
    "pilot_collector": "Collector that knows this schedd, as host or host:port",
    "ces": "HTCondor-CEs to send pilots to (comma separated)",
    "token": "File with the token for the CEs (empty: none)",
}
_FILES = ("token", "pool_token", "executable")
_POOL = ("collector", "pool_token", "condor")  # what our glidein has to know


def _terminal() -> bool:
    return sys.stdin.isatty()


def _ask(given: dict[str, Any], quiet: bool) -> dict[str, Any]:
    user = getpass.getuser()
    sensible = {
        "factory_id": f"MYSITE-{socket.gethostname().partition('.')[0]}-{user}",
        "admin_email": f"{user}@localhost",
        "wms": "Condor",
        "wmsqueue": "my-label",
    }
    answers = {k: v for k, v in given.items() if v not in (None, ())}
    missing: list[str] = []
    for key, question in _QUESTIONS.items():
        if key in answers or not _matters(key, answers):
            continue
        needed = _needed(key, answers)
        if quiet:
            missing += [key] if needed else []
            answers[key] = sensible.get(key, "")
            continue
        usual = None if needed else sensible.get(key, "")
        kind = _WMS if key == "wms" else None
        answers[key] = click.prompt(
            question, default=usual, show_default=bool(usual), type=kind, show_choices=False
        )
    if missing:
        names = " and ".join(f"--{key.replace('_', '-')}" for key in missing)
        raise click.UsageError(f"give {names}, which pilots need to join the users' pool (or --executable)")
    return _completed(answers, user)


def _glides(answers: dict[str, Any]) -> bool:
    """Return whether pilots are to run our glidein."""
    return answers["wms"] == "Condor" and "executable" not in answers


def _matters(key: str, answers: dict[str, Any]) -> bool:
    if key in _POOL:
        return _glides(answers) or (key == "collector" and answers["wms"] == "Condor")
    return key != "pilot_collector" or bool(answers.get("pilot_schedd"))


def _needed(key: str, answers: dict[str, Any]) -> bool:
    """Return whether nothing works without an answer, and none can be guessed."""
    return key in ("collector", "pool_token") and _glides(answers)


def _completed(answers: dict[str, Any], user: str) -> dict[str, Any]:
    """Return the answers as the starter takes them."""
    if isinstance(ces := answers["ces"], str):
        answers["ces"] = tuple(p.strip() for p in ces.split(",") if p.strip())
    answers.setdefault("factory_user", user if os.geteuid() else "autopyfactory")
    for key in _FILES:  # names on the command line are meant from here, those in files from their folder
        if answers.get(key):
            answers[key] = str(Path(answers[key]).expanduser().absolute())
    condor = answers.pop("condor", "")
    if _glides(answers):
        answers["executable"] = str(files("autopyfactory").joinpath("wrapper/payloads/glidein.sh"))
        answers.setdefault("arguments", _glidein_arguments(answers, condor))
    return answers


def _glidein_arguments(answers: dict[str, Any], condor: str) -> str:
    words = f"--pool {answers['collector']} --label %(wmsqueue)s --token {Path(answers['pool_token']).name}"
    return f"{words} --condor {condor}" if condor else words


@command.command(short_help="Convert a configuration of 2.4 into a clean one.")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
@click.pass_context
def migrate(ctx: click.Context, source: Path, target: Path) -> None:
    """Make a clean configuration in TARGET from one of 2.4 in SOURCE (its folder or autopyfactory.conf).

    Comments and order stay. Says what was changed and why, then checks the result. Exit code 1: the
    result has errors that need a person; 2: there is nothing to convert.
    """
    from autopyfactory.config import migrate as migration
    from autopyfactory.config.registry import installed

    try:
        done = migration.migrate(source, target, installed())
    except (ConfigError, OSError) as err:
        echo(str(err), err=True)
        ctx.exit(UNREADABLE)
    echo(migration.report(done))
    configuration, problems, code = examine((str(target / "autopyfactory.conf"),), files=False)
    if problems:
        echo("What check says about the result:")
        click.echo(problemlist.render(problems, lambda text, kind: click.style(text, fg=COLOURS[kind])))
    echo(problemlist.summary(problems, configuration))
    ctx.exit(code or (WRONG if problemlist.counts(problems)[0] else 0))
