"""`onboard` that stops, however it does, says how to go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.cli import onboard, probe
from autopyfactory.cli.link import fail
from place import Place

BEGIN_AGAIN = "when it is mended: `autopyfactory onboard {}` begins again"
RESUME = "`autopyfactory resume {}` ends the pause without it"
UNFIT = """echo 'APF-SUMMARY {"schema": 1, "outcome": "unfit"}'"""
QUEUE = """
[{name}]
wmsqueue = west
executable = {folder}/{name}.sh
executable.arguments =
"""


@pytest.fixture
def site(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A factory whose queues `bad` and `long` have no site that one could look at."""
    monkeypatch.setattr(onboard, "_look", lambda *_: "")
    for name, script in (("bad", "exit 1"), ("long", "sleep 300")):
        path = Path(place.folder / f"{name}.sh")
        path.write_text(f"#!/bin/sh\n{UNFIT}\n{script}\n")
        path.chmod(0o755)
        place.configure(QUEUE.format(name=name, folder=place.folder))
    place.start()
    return place


def test_a_step_that_goes_wrong(site: Place) -> None:
    *_, stopped, again, resume = site.run("onboard", "bad", code=1).stdout.splitlines()
    assert stopped.startswith("bad: stopped at step 1 (1 pilot)") and stopped.endswith("it stays paused")
    assert BEGIN_AGAIN.format("bad") in again
    assert RESUME.format("bad") in resume
    site.run("resume", "bad")
    site.run("pause", "bad", "--reason", "mine")
    last = site.run("onboard", "bad", "--anyway", code=1).stdout.splitlines()[-1]
    assert BEGIN_AGAIN.format("bad") in last, "the pause of somebody else is not ours to end"
    assert site.json("onboard", "bad", "--anyway", code=1)["wrong"], "and JSON is one object"


def test_a_factory_that_ends_and_ctrl_c(site: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    def ended(*_: object) -> None:
        fail("the factory has ended; its pilots go on by themselves", 3)

    for queue, name, what, code in (
        ("long", "sleep", interrupt, 130),
        ("bad", "_again", ended, 3),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(probe, name, what)
            output = site.run("onboard", queue, code=code).output
        assert f"{queue} stays paused" in output
        assert BEGIN_AGAIN.format(queue) in output
        assert RESUME.format(queue) in output
