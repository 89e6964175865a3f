"""The whole of it: queues from CRIC, work from PanDA, pilots through a real grid, told to APFMon.

HTCondor is real; PanDA, CRIC and APFMon are strict stand-ins that answer as the real ones were seen to.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.api.queues import status
from factorybox import Box, InProcess, last
from patience import until
from servers import cric
from servers.apfmon import APFMon
from servers.base import Reply, Request
from servers.panda import PandaServer
from testbed.condor import Condor
from testbed.grid import Grid

SITES = {"TEST_SITE_A": "ce1", "TEST_SITE_B": "ce2"}


class LivePanda(PandaServer):
    """A PanDA with so many jobs per site and label; those that found a pilot run, the rest is activated."""

    def __init__(self, box: Box) -> None:
        super().__init__()
        self.box = box
        self.total = {site: {"managed": 0, "user": 0} for site in SITES}

    def answer(self, request: Request) -> Reply:
        running: dict[str, int] = {}
        for queue, state in self.box.ads("MATCH_APF_QUEUE", "JobStatus"):
            site = queue.partition("-")[0]
            running[site] = running.get(site, 0) + (state == "2")
        self.state.jobs = {}
        for site, labels in self.total.items():
            left = running.get(site, 0)
            for label, number in labels.items():
                served = min(left, number)
                left -= served
                counts = {"activated": number - served, "running": served, "assigned": 3}
                self.state.jobs.setdefault(site, {}).setdefault("SCORE", {})[label] = counts
        return super().answer(request)


class World:
    def __init__(self, folder: Path, grid: Grid, name: str) -> None:
        self.box = Box(folder, grid.ap, name)
        self.panda = LivePanda(self.box).start()
        self.panda.state.sites = {s: {"status": "online", "cloud": "US", "type": "unified"} for s in SITES}
        self.monitor = APFMon().start()
        self.cric = cric.CRIC({}).start()
        selections = ""
        for site, ce in SITES.items():
            pool = grid.sites[ce]
            self.cric.records[site] = cric.queue(
                site, queues=[cric.ce(pool.collector)], corecount=1, maxrss=50
            )
            defaults = folder / f"{ce}.conf"
            defaults.write_text(
                self._defaults(grid, ce, labels="managed" if ce == "ce2" else "managed, user")
            )
            selections += f"\n[CRIC {ce}]\nnames = {site}\ndefaultsfile = {defaults}\n"
        monitors = folder / "monitor.conf"
        monitors.write_text(f"[mon]\nmonitorplugin = APF\nmonitorURL = {self.monitor.url}/api\n")
        self.box.factory_options = {
            "config.queues.plugin": "CRIC",
            "config.queues.cric.url": self.cric.source,
            "config.queues.cric.sleep": "0",
            "monitorConf": str(monitors),
            "wmsstatus.panda.sleep": "1",
            "wmsstatus.panda.maxage": f"4{selections}",  # the sections follow the last key of [Factory]
        }

    def _defaults(self, grid: Grid, ce: str, labels: str) -> str:
        options = {
            "apfqueue.sleep": "0.5",
            "wmsstatus.panda.url": self.panda.url,
            "wmsstatus.panda.labels": labels,
            "wmsstatus.panda.sites.sleep": "1",
            "batchstatus.condor.schedd": grid.ap.schedd,
            "batchstatus.condor.collector": grid.ap.collector,
            "batchsubmit.condorce.schedd": grid.sites[ce].schedd,
            "batchsubmit.condorce.tokenfile": str(grid.site_token(ce)),
            "schedplugin": "Ready, Share, MaxPerCycle, StatusTest, StatusOffline",
            "sched.maxpercycle.maximum": "3",
            "sched.statusoffline.pilots": "0",
            "monitorsection": "mon",
            "executable": "/bin/sleep",
            "executable.arguments": "600",
        }
        return "[DEFAULT]\n" + "".join(f"{k} = {v}\n" for k, v in options.items())

    def pilots(self, site: str) -> int:
        return sum(row[0].startswith(f"{site}-") for row in self.box.ads("MATCH_APF_QUEUE"))

    def close(self) -> None:
        for server in (self.panda, self.monitor, self.cric):
            server.stop()


@pytest.fixture(scope="module")
def grid(condor_folder: Condor, place: Path) -> Iterator[Grid]:
    """A grid whose first site starts no pilot: their number can be told exactly."""
    with Grid(place / "grid", settings={"ce1": {"START": "False"}}, condor=condor_folder) as it:
        yield it


@pytest.fixture
def world(tmp_path: Path, grid: Grid, request: pytest.FixtureRequest) -> Iterator[World]:
    it = World(tmp_path, grid, request.node.name[:30])
    yield it
    it.close()


def some_cycles(factory: Any, queue: str) -> None:
    """Wait until the queue has decided several times on answers that are asked for from now on."""
    cycles = factory.queues[queue].cycles_run
    until(lambda: factory.queues[queue].cycles_run > cycles + 8, "some cycles")


def status_seen(factory: Any, queue: str) -> str:
    """Return the site's status as the last cycle knew it."""
    record = factory.queues[queue].last
    return str(record.inputs.site.status) if record.inputs and record.inputs.site else ""


def queue_of(factory: Any, site: str) -> str:
    (name,) = [q for q in factory.queues if q.startswith(f"{site}-")]
    return str(name)


@pytest.mark.timeout(1200)
def test_pilots_follow_panda_on_queues_from_cric(world: World) -> None:
    panda, a, b = world.panda, "TEST_SITE_A", "TEST_SITE_B"
    panda.total[a] = {"managed": 3, "user": 2}
    panda.total[b] = {"managed": 2, "user": 40}
    with InProcess(world.box) as factory:
        until(lambda: (world.pilots(a), world.pilots(b)) == (5, 2), "pilots for what there is")
        queue = queue_of(factory, a)
        assert queue == f"{a}-{world.cric.records[a]['queues'][0]['ce_endpoint'].replace(':', '-')}"

        panda.total[a]["managed"] = 5
        until(lambda: world.pilots(a) == 7, "pilots for more work")

        panda.total[a]["user"] = 0
        some_cycles(factory, queue)
        assert world.pilots(a) == 7, "less work sends nothing"

        panda.state.sites[a]["status"] = "offline"
        until(lambda: status_seen(factory, queue) == "offline", "the site to be offline")
        panda.total[a]["managed"] = 20
        some_cycles(factory, queue)
        assert world.pilots(a) == 7, "nothing is sent to a site that is offline"
        panda.state.sites[a]["status"] = "online"
        until(lambda: world.pilots(a) == 20, "the site to be back")

        until(lambda: ["2"] in world.box.ads("JobStatus"), "pilots to run at the other CE")

        # what the monitor knows is what the schedd has
        def in_schedd() -> set[str]:
            return {f"{world.box.name}:{c}.{p}" for c, p in world.box.ads("ClusterId", "ProcId")}

        until(lambda: world.monitor.jobs.keys() == in_schedd(), "all pilots to be told")
        status = world.monitor.labels[world.box.name, queue]["status"]
        assert status.startswith("Ready:in=0,")
        environment = world.box.ads("Environment")[0][0]
        assert f"APFMON={world.monitor.url}/api" in environment


@pytest.mark.timeout(1200)
def test_a_panda_that_breaks_sends_nothing_and_a_cric_that_breaks_changes_nothing(world: World) -> None:
    panda, a = world.panda, "TEST_SITE_A"
    panda.total[a]["managed"] = 2
    with InProcess(world.box) as factory:
        until(lambda: world.pilots(a) == 2, "the first pilots")
        queue = queue_of(factory, a)

        panda.state.database = False
        panda.total[a]["managed"] = 30
        until(lambda: last(factory, queue).startswith("held back"), "the queue to be held back")
        words = "Database failure getting the job statistics"
        until(lambda: words in last(factory, queue) and "(maxage 4)" in last(factory, queue), words)
        assert world.pilots(a) == 2
        panda.state.database = True
        until(lambda: world.pilots(a) == 30, "the recovery")

        def unheard() -> bool:
            return any("monitor mon: nothing gets through" in note for note in status(factory, {})["notes"])

        assert not unheard()
        world.monitor.fail = 10**6
        panda.total[a]["managed"] = 32
        until(lambda: world.pilots(a) == 32, "more pilots, whether they can be told or not")
        until(unheard, "the monitor to be missed")
        world.monitor.fail = 0
        until(lambda: not unheard(), "the monitor to be heard again")

        world.cric.failing = True
        report = factory.reload()
        assert report.applied
        assert queue in factory.queues
        world.cric.failing = False
        world.cric.records[a]["queues"][0]["ce_state"] = "DISABLED"
        assert factory.reload().applied
        until(lambda: queue not in factory.queues, "the queue to go with its CE")
        assert len(factory.queues) == 1
        assert world.pilots(a) == 32, "its pilots stay"
