"""What `check --online` says of one queue of a box."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner

from autopyfactory.check import steps
from autopyfactory.cli.main import cli
from docoutputs import DOCS, alike, fits, outputs
from factorybox import Box

steps.STRETCH = 6.0


def looked_at(box: Box, queue: str = "q1") -> dict[str, Any]:
    """Return the look at the site of `queue`; the exit code has to fit it."""
    conf = ",".join(box.write())
    done = CliRunner().invoke(cli, ["--conf", conf, "check", "--online", "--json", queue])
    assert done.stdout, (done.output, done.exception)
    (look,) = json.loads(done.stdout)["sites"]
    assert done.exit_code == (1 if look["outcome"] == "wrong" else 0), done.output
    found: dict[str, Any] = look
    return found


def step(look: dict[str, Any], name: str) -> dict[str, Any]:
    """Return one step of a look."""
    (found,) = [s for s in look["steps"] if s["step"] == name]
    made: dict[str, Any] = found
    return made


def shown(command: str, said: str) -> None:
    """Fail unless docs/site-check.md shows for `command` what was `said`, but for what differs every time."""
    (output,) = [o for o in outputs(DOCS / "site-check.md") if o.command == command]
    assert fits(alike(output.text), alike(said)), f"{command} says today:\n{said}"
