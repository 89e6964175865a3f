"""`autopyfactory wrapper`: what the pilots of a queue run, before any pilot runs it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.terminal import echo

if TYPE_CHECKING:
    from autopyfactory.config.model import QueueConfig
    from autopyfactory.wrapper.compose import Parts


@click.group("wrapper")
def command() -> None:
    """Build, show or try the wrapper that a queue's options `wrapper.*` compose."""


@command.command()
@conf_option
@click.argument("queue")
@click.option(
    "-o", "--output", metavar="FILE", help="Where to write it; default: its name, here. `-`: standard output."
)
def build(conf: tuple[str, ...], queue: str, output: str | None) -> None:
    """Write the wrapper of QUEUE, as the factory sends it; say its name and digest."""
    from autopyfactory.wrapper.compose import compose

    built = compose(_parts(conf, queue).recipe)
    if output == "-":
        sys.stdout.buffer.write(built.data)
        return
    path = Path(output or built.name)
    try:
        path.write_bytes(built.data)
        path.chmod(0o755)
    except OSError as err:
        _fail(f"{path} cannot be written: {err.strerror or err}")
    echo(f"{path}  {len(built.data)} bytes  sha256 {built.sha256}")


@command.command()
@conf_option
@click.argument("queue")
def show(conf: tuple[str, ...], queue: str) -> None:
    """Show what the wrapper of QUEUE carries: checks, payloads and their needs, rules, files, options."""
    from autopyfactory.wrapper.compose import compose

    parts = _parts(conf, queue)
    built = compose(parts.recipe)
    echo(f"{built.name}  {len(built.data)} bytes  sha256 {built.sha256}")
    needed = {name for payload in parts.payloads.values() for name in parts.needs(payload)}
    echo("\nchecks          s  class    owner  does")
    for check in parts.checks.values():
        mark = "needed" if check.name in needed else check.kind
        echo(f"  {check.name:<12} {check.deadline:>3}  {mark:<8} {check.owner:<5}  {check.does}")
    echo("\npayloads")
    for payload in parts.payloads.values():
        needs = ", ".join(parts.needs(payload)) or "nothing"
        echo(f"  {payload.name:<12} needs {needs}: {payload.does}")
    echo("\nrules, the first that holds and whose needs are met")
    for rule in parts.rules:
        echo(f"  {' and '.join(rule.terms) or 'always'} -> {rule.payload}")
    if parts.files:
        echo("\nfiles")
        for name, data in parts.files.items():
            echo(f"  {name}  {len(data)} bytes")
    if parts.recipe.options:
        echo("\noptions")
        for name, value in sorted(parts.recipe.options.items()):
            echo(f"  {name} = {value}")


@command.command(context_settings={"ignore_unknown_options": True})
@conf_option
@click.argument("queue")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(conf: tuple[str, ...], queue: str, arguments: tuple[str, ...]) -> None:
    """Run the wrapper of QUEUE here, as one of its pilots would, in an empty directory.

    Ends with its exit code. ARGUMENTS replace those of the queue (executable.arguments). Files that the queue
    transfers to the CE are not brought along.
    """
    from autopyfactory.wrapper.compose import compose

    parts = _parts(conf, queue)
    built = compose(parts.recipe)
    words = list(arguments) or shlex.split(_queue(conf, queue).options.arguments or "")
    with tempfile.TemporaryDirectory(prefix="apf-run.") as folder:
        path = Path(folder) / built.name
        path.write_bytes(built.data)
        path.chmod(0o755)
        env = {"APFCID": "0.0", "FACTORYQUEUE": queue, **os.environ, "APF_WRAPPER_SHA256": built.sha256}
        done = subprocess.run(["/bin/sh", str(path), *words], cwd=folder, env=env, check=False)
    sys.exit(done.returncode if done.returncode >= 0 else 128 - done.returncode)


@command.command("modules")
def list_modules() -> None:
    """List the checks and payloads that come with AutoPyFactory, with their options."""
    from autopyfactory.wrapper.compose import PAYLOAD_OPTIONS
    from autopyfactory.wrapper.modules import Kind, find, names

    kinds: tuple[Kind, ...] = ("check", "payload")
    for kind in kinds:
        echo(f"{kind}s")
        for name in names(kind):
            module = find(kind, name)
            detail = f"{module.deadline} s, {module.kind}, {module.owner}" if kind == "check" else "needs "
            detail += "" if kind == "check" else ", ".join(module.needs) or "nothing"
            echo(f"  {name} ({detail}): {module.does}")
            for option, (default, text) in module.options.items():
                echo(f"      {option}{f' [{default}]' if default else ''}: {text}")
    echo("every payload")
    for option, (_, text) in PAYLOAD_OPTIONS.items():
        echo(f"      {option}: {text}")


def _queue(conf: tuple[str, ...], name: str) -> QueueConfig:
    from autopyfactory.config.build import load
    from autopyfactory.options.problem import ConfigError

    try:
        configuration = load(conf)
    except ConfigError as err:
        _fail("\n".join(map(str, err.problems)))
    queue = configuration.queues.get(name)
    if queue is None:
        _fail(f"there is no queue {name!r} without errors; `autopyfactory check` tells more")
    return queue


def _parts(conf: tuple[str, ...], name: str) -> Parts:
    from autopyfactory.plugins.batchsubmit.pilotwrapper import recipe
    from autopyfactory.wrapper.compose import Parts, RecipeError

    wanted = recipe(_queue(conf, name).options)
    if wanted is None:
        _fail(
            f"queue {name} composes no wrapper: it runs {_queue(conf, name).options.executable};"
            " set wrapper.payload"
        )
    try:
        return Parts.of(wanted)
    except RecipeError as err:
        _fail("\n".join(map(str, err.faults)))


def _fail(text: str) -> NoReturn:
    echo(text, err=True)
    sys.exit(1)
