"""`autopyfactory plan`: what a reload would do, before it does it."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from autopyfactory.cli.confoption import conf_option
from autopyfactory.cli.link import ControlError, Link, NotRunning, fail
from autopyfactory.cli.output import print_json
from autopyfactory.cli.terminal import echo

TIMEOUT = 60.0


@click.command("plan")
@conf_option
@click.option("--all", "everything", is_flag=True, help="List every queue, however many there are.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(conf: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Show what a reload would change, and what each changed queue would send next; nothing is done.

    Without a running factory: what starting it would do. Ends with code 1 if the factory would refuse.
    """
    link = Link(conf)
    try:
        answer = link.ask("plan", TIMEOUT, everything=everything)
    except NotRunning:
        answer = _from_files(conf, everything)
    except ControlError as err:
        fail(str(err))
    show(answer, as_json, accepted=answer["accepted"], verb="would be")
    sys.exit(0 if answer["accepted"] else 1)


def show(answer: dict[str, Any], as_json: bool, *, accepted: bool, verb: str) -> None:
    """Write an answer of `plan` or `reload`."""
    if as_json:
        print_json({name: value for name, value in answer.items() if name != "text"})
        return
    for problem in answer["problems"]:
        echo(problem, err=True)
    if not accepted:
        echo(f"refused: the configuration {verb} rejected, all stays as it is", err=True)
    if answer["text"]:
        echo(answer["text"], nl=False)


def _from_files(conf: tuple[str, ...], everything: bool) -> dict[str, Any]:
    """Answer without a factory: the way from nothing to the configuration in the files."""
    from dataclasses import replace

    from autopyfactory.accounting.bookkeeper import Bookkeeper
    from autopyfactory.accounting.ledger import Ledger
    from autopyfactory.api.configuration import LOOK, MOST
    from autopyfactory.condor import registry
    from autopyfactory.config.build import load
    from autopyfactory.config.diff import diff
    from autopyfactory.config.difftext import as_data, render
    from autopyfactory.factory.factory import Factory
    from autopyfactory.factory.preview import Preview
    from autopyfactory.model.clock import SystemClock
    from autopyfactory.options.problem import ConfigError
    from autopyfactory.plugins.base import Shared
    from autopyfactory.sources.pool import SourcePool

    try:
        new = load(conf)
    except ConfigError as err:
        return {"accepted": False, "text": "", "changes": None, "problems": [str(p) for p in err.problems]}
    changes = diff(replace(new, queues={}, broken={}), new)
    wanted = dict(list(Factory.enabled(new).items())[:MOST])
    clock = SystemClock()
    known = Path(new.factory.state_dir).expanduser() / "ledger.db"
    with tempfile.TemporaryDirectory() as nowhere:
        copy = Path(nowhere) / "ledger.db"
        note = _copy(known, copy) if known.exists() else ""
        ledger = Ledger(copy, clock)
        book = Bookkeeper(ledger, clock)
        sources = SourcePool(clock, book)
        shared = Shared(mark=ledger.mark)
        try:
            preview = Preview(new, sources=sources, book=book, clock=clock, shared=shared, running={})
            effects = preview.effects(wanted, LOOK)
        finally:
            registry.close_all(1.0)
            ledger.close()
    return {
        "accepted": True,
        "text": "No factory runs; starting it would do this.\n"
        + render(changes, effects, everything=everything),
        "changes": as_data(changes, effects),
        "problems": [str(p) for p in new.problems] + ([note] if note else []),
    }


def _copy(ledger: Path, copy: Path) -> str:
    """Copy what was sent, so that the file itself is left alone; return why that was not possible."""
    try:
        with (
            contextlib.closing(sqlite3.connect(f"file:{quote(str(ledger))}?mode=ro", uri=True)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.Error as err:
        copy.unlink(missing_ok=True)
        return f"{ledger} cannot be read ({err}): what was sent before is not taken into account"
    return ""
