"""PanDA's loop closed: job activated, pilot through a CE, PanDA's own pilot in our wrapper, job finished.

HTCondor and the pilot (the newest that is published as a package) are real. The server is a stand-in: strict
about what panda-server 1.0.4 answers, with the legacy API of 0.8 that this pilot speaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import pandapilot
from autopyfactory.wrapper.summary import summary
from factorybox import Box, InProcess, at_ce
from patience import PATIENCE, until
from servers.pandapilot import PilotPanda
from testbed.condor import Condor
from testbed.grid import Grid

QUEUE = "TEST_SITE"
LONG = 4 * PATIENCE  # this pilot takes a minute for a job of a second
PAYLOAD = b"#!/bin/sh\necho the payload runs with $*\nsleep 1\n"


@pytest.fixture(scope="module")
def grid(condor_folder: Condor, place: Path) -> Iterator[Grid]:
    with Grid(place / "grid", sites=("ce1",), condor=condor_folder) as it:
        yield it


class World:
    """One PanDA queue whose pilots go through one CE."""

    def __init__(self, folder: Path, grid: Grid, name: str, *, forbidden: tuple[str, ...]) -> None:
        storage = folder / "storage"
        storage.mkdir()
        self.panda = PilotPanda(QUEUE, forbidden=forbidden).start()
        self.panda.files = pandapilot.files(QUEUE, storage, PAYLOAD)
        self.box = Box(folder / "box", grid.ap, name)
        url = self.panda.url
        self.box.queue(
            "q",
            wmsqueue=QUEUE,
            wmsstatusplugin="Panda",
            wmsstatus__panda__url=url,
            wmsstatus__panda__sites__sleep="1",
            batchsubmit__condorce__environ=f"http_proxy={url} no_proxy=127.0.0.1,localhost",
            schedplugin="Ready, MaxPerCycle, MaxPending",
            sched__maxpending__maximum="3",
            wrapper__payload="panda",
            wrapper__checks="os, cores, memory, disk, wall",
            wrapper__hold="0",
            **at_ce(grid, "ce1"),
            **pandapilot.options(QUEUE, url, self.panda.port),
        )
        del self.box.queues["q"]["executable"]
        self.box.factory_options = {"wmsstatus.panda.sleep": "1", "wmsstatus.panda.maxage": "10"}

    def outputs(self) -> list[str]:
        """What pilots that have ended wrote."""
        texts = [path.read_text(errors="replace") for path in (self.box.folder / "pilots").rglob("*.out")]
        return [text for text in texts if "APF-SUMMARY" in text]


@pytest.fixture
def world(tmp_path: Path, grid: Grid, request: pytest.FixtureRequest) -> Iterator[World]:
    tmp_path.chmod(0o755)
    it = World(tmp_path, grid, re.sub(r"\W", "", request.node.name)[:20], forbidden=request.param)
    yield it
    it.panda.stop()


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("world", [()], indirect=True)
def test_a_job_is_finished_by_a_pilot_that_the_server_knows(world: World) -> None:
    number = world.panda.add_job(pandapilot.TRANSFORM, "hello")
    with InProcess(world.box):
        until(lambda: world.panda.status(number) == "finished", "the job to be finished", 0.3, limit=LONG)
        until(lambda: world.outputs(), "the pilot's output to come back", 0.3, limit=LONG)
    [text] = world.outputs()
    told = summary(text)
    assert told is not None and (told.exit, told.outcome, told.payload, told.payloads, told.ok) == (
        0,
        "ok",
        "panda",
        1,
        1,
    ), text[-3000:]
    states = [update["state"] for update in world.panda.told[number]]
    assert states[0] == "starting" and "running" in states and states[-1] == "finished"
    harvester, worker = world.panda.workers[number]
    [pilot] = set(re.findall(r"^  APFCID=(\S+)$", text, re.MULTILINE))
    cluster, proc = map(int, pilot.split("."))
    assert (harvester, int(worker)) == (world.box.name, cluster * 100 + proc)
    assert {update["jobId"] for update in world.panda.told[number]} == {str(number)}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("world", [("getJob",)], indirect=True)
def test_a_server_that_refuses_this_pilot_leaves_empty_pilots(world: World) -> None:
    """As panda-server 1.0.4: `method getJob is forbidden`; the pilot ends with 0, its summary says empty.

    1.0.4 forbids the other legacy methods too. This pilot says twenty minutes long, ten times, that it has
    started before it asks for a job; so only this one is forbidden here.
    """
    world.panda.add_job(pandapilot.TRANSFORM)
    world.box.queues["q"]["sched.maxtorun.maximum"] = "1"
    world.box.queues["q"]["schedplugin"] = "Ready, MaxPerCycle, MaxPending, MaxToRun"
    with InProcess(world.box):
        until(lambda: world.outputs(), "a pilot to come back", 0.3, limit=LONG)
    told = summary(world.outputs()[0])
    assert told is not None and (told.exit, told.outcome, told.payloads) == (0, "empty", 0)
    assert told.empty and "getJob" in world.panda.refused
