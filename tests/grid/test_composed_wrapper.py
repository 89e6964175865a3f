"""Composed wrappers as pilots have them: three kinds of payload through two CEs, and a node that breaks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.store import history_url
from autopyfactory.why import explain
from autopyfactory.wrapper.summary import Summary, summary
from factorybox import Box, InProcess, at_ce
from patience import PATIENCE, until
from testbed.condor import Condor
from testbed.grid import Grid
from testbed.ports import free_port
from wrapperkit import processes_of

LONG = 4 * PATIENCE
LABEL = "mc"


@pytest.fixture(scope="module")
def grid(condor_folder: Condor, place: Path) -> Iterator[Grid]:
    with Grid(place / "grid", sites=("ce1", "ce2"), condor=condor_folder) as it:
        yield it


class World:
    """A factory with a queue per kind of pilot. While the file `fault` is there, ce2's nodes are unfit."""

    def __init__(self, folder: Path, grid: Grid, name: str) -> None:
        self.grid, self.folder = grid, folder
        self.box = Box(folder / "box", grid.ap, name)
        self.fault = folder / "the-node-is-broken"
        check = folder / "node.sh"
        check.write_text(
            "# does: whether the node has what our jobs need\n"
            "# deadline: 3\n# class: fatal\n# owner: site\n# hold: yes\n"
            f'. "$APF_LIB/check.sh"\n[ ! -p {self.fault} ] || dd if={self.fault} of=/dev/null 2>&1\n'
            f'[ ! -f {self.fault} ] || fatal "$(cat {self.fault})"\n'
        )
        self.check = str(check)

    def queue(self, name: str, ce: str, payload: str, **options: str) -> None:
        self.box.queue(
            name,
            **at_ce(self.grid, ce),
            schedplugin="Ready, MaxPerCycle, MaxPending",
            sched__maxpending__maximum="1",
            wrapper__payload=payload,
            wrapper__checks="os, cores, memory, disk, wall, tools",
            **options,
        )
        del self.box.queues[name]["executable"]

    def ended(self, queue: str) -> list[Summary]:
        """The summaries of this queue's pilots, oldest first."""
        paths = sorted((self.box.folder / "pilots").rglob(f"{queue}/*.out"), key=lambda p: p.stat().st_mtime)
        told = (summary(path.read_text(errors="replace")) for path in paths)
        return [one for one in told if one is not None]

    def reports(self) -> list[tuple[str | None, object]]:
        """Queue and state of what pilots have told the factory themselves."""
        reader = HistoryReader(history_url(self.box.configuration().factory), self.box.name)
        now = datetime.now(UTC)
        events = reader.events(now - timedelta(hours=1), now)
        reader.close()
        return [(e.queue, e.facts["state"]) for e in events if e.kind == "ping"]


@pytest.fixture
def world(tmp_path: Path, grid: Grid) -> World:
    tmp_path.chmod(0o755)
    # Not the name of a test before, nor of this one with another parameter: its last pilots may be queued.
    return World(tmp_path, grid, tmp_path.name)


@pytest.mark.timeout(1200)
def test_three_kinds_of_pilots_on_two_ces(world: World, grid: Grid) -> None:
    own = world.folder / "own.sh"
    own.write_text(
        '# does: counts\n# needs: cores\n. "$APF_LIB/payloads.sh"\n'
        'outcome total=2 ok=2 outcome=ok "reason=on-$(sed 1q "$APF_FACTS/cores")"\n'
    )
    token = world.folder / "pool.token"
    shutil.copy(grid.glidein_token, token)
    token.chmod(0o600)
    vo, condor = grid.vo, grid.vo.condor.release
    world.queue(
        "glide", "ce1", "glidein", wrapper__option__glidein__pool=vo.collector,
        wrapper__option__glidein__label=LABEL, wrapper__option__glidein__token="pool.token",
        wrapper__option__glidein__condor=str(condor),
        wrapper__option__glidein__idle="5",
        batchsubmit__condorce__condor_attributes__transfer_input_files=str(token),
    )  # fmt: skip
    echo = {"wrapper__option__command__command": "/bin/echo", "executable__arguments": "hello grid"}
    world.queue("cmd", "ce2", "command", **echo)
    world.queue("own", "ce2", str(own))
    commands = [
        "executable = /bin/sh", "arguments = \"-c 'exit 0'\"", "transfer_executable = false",
        "request_memory = 100", "should_transfer_files = yes", "when_to_transfer_output = on_exit",
        f'+MATCH_APF_QUEUE = "{LABEL}"', "queue",
    ]  # fmt: skip
    vo.run("condor_submit", "-", input="\n".join(commands) + "\n")
    port = free_port()
    world.box.factory_options["reports.listen"] = f"127.0.0.1:{port}"
    for queue in world.box.queues.values():
        queue["wrapper.report"] = f"http://127.0.0.1:{port}/"
    with InProcess(world.box) as factory:
        world.box.work({"glide": 1, "cmd": 1, "own": 1})
        for queue in ("glide", "cmd", "own"):
            until(partial(world.ended, queue), f"a pilot of {queue} to come back", 0.3, limit=LONG)
        world.box.work({})
        assert factory.reporting.reports is not None and factory.reporting.reports.refused == 0
        said = {(q, state) for q in ("glide", "cmd", "own") for state in ("started", "exiting")}
        until(lambda: said <= set(world.reports()), "their reports in the history", 0.5, limit=LONG)
    told = {queue: world.ended(queue)[0] for queue in ("glide", "cmd", "own")}
    assert (told["glide"].exit, told["glide"].payload, told["glide"].ok) == (0, "glidein", 1)
    assert (told["cmd"].exit, told["cmd"].payload, told["cmd"].reason) == (0, "command", "done")
    assert (told["own"].exit, told["own"].payload, told["own"].payloads) == (0, "own", 2)
    assert told["own"].reason.startswith("on-")
    kept = {path.name[12:24] for path in (world.box.folder / "state/wrappers").rglob("apf-wrapper-*.sh")}
    assert kept == {one.wrapper for one in told.values()}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["missing", "hung"])
def test_a_broken_node_is_named_and_held_and_recovers(world: World, grid: Grid, kind: str) -> None:
    world.queue(
        "node", "ce2", "command", wrapper__option__command__command="true", wrapper__hold="6",
    )  # fmt: skip
    world.box.queues["node"]["wrapper.checks"] += f", {world.check}"
    if kind == "hung":
        os.mkfifo(world.fault)  # nobody ever writes: whoever reads it waits, as on a dead mount
    else:
        world.fault.write_text("the scratch disk is gone")
    with InProcess(world.box):
        world.box.work({"node": 1})
        until(lambda: world.ended("node"), "a pilot of the broken node to tell", 0.3, limit=LONG)
        bad = world.ended("node")[0]
        assert (bad.exit, bad.outcome, bad.reason, bad.owner, bad.hold) == (18, "unfit", "node", "site", 6)
        assert bad.culprit is not None
        assert bad.culprit.reason == ("the scratch disk is gone" if kind == "missing" else "no end after 3 s")
        assert bad.host == os.uname().nodename
        world.fault.unlink()

        def mended() -> bool:
            world.box.work({"node": 1})  # the job is still there: the pilot that started has not taken it
            return any(one.exit == 0 for one in world.ended("node"))

        until(mended, "the mended node to work", 2, limit=LONG)
        world.box.work({})
    assert not processes_of(grid.sites["ce2"].directory / "execute") or world.box.ads("JobStatus")


@pytest.mark.timeout(1200)
def test_a_ce_of_broken_nodes_is_stopped_for_all_its_queues_and_recovers(world: World) -> None:
    """Its pilots say that it is the site's fault, so the CE's own breaker opens; another CE goes on."""
    world.box.factory_options |= {
        "breaker.failures": "3", "breaker.firstprobe": "20", "breaker.lastprobe": "20",
    }  # fmt: skip
    true = {"wrapper__option__command__command": "true", "wrapper__hold": "0"}
    for name, ce in (("node", "ce2"), ("other", "ce2"), ("well", "ce1")):
        world.queue(name, ce, "command", **true)
        world.box.queues[name]["sched.maxpending.maximum"] = "3"
    for name in ("node", "other"):
        world.box.queues[name]["wrapper.checks"] += f", {world.check}"
    world.fault.write_text("the scratch disk is gone")
    with InProcess(world.box) as factory:

        def stopped(queue: str) -> bool:
            world.box.work({queue: 3})
            record = factory.queues[queue].last
            return record is not None and record.breaker is not None

        until(lambda: stopped("node"), "the breaker of the CE to open", 1, limit=LONG)
        until(lambda: stopped("other"), "the other queue at this CE to be stopped", 1, limit=LONG)
        record = factory.queues["other"].last
        assert record is not None
        assert record.breaker_scope == "ce"
        (cause,) = [c for c in explain([record]).causes if c.code == "breaker-open"]
        assert cause.who == "site"
        assert "check node: the scratch disk is gone" in cause.words
        world.box.work({"well": 1})
        until(lambda: world.ended("well"), "a pilot at the other CE", 0.3, limit=LONG)
        assert not stopped("well")

        world.fault.unlink()

        def recovered() -> bool:
            world.box.work({"node": 3, "other": 3})
            return all((r := factory.queues[q].last) is not None and not r.breaker for q in ("node", "other"))

        until(recovered, "a probe to do well, and the CE to be used again", 1, limit=LONG)
        assert any(one.exit == 0 for q in ("node", "other") for one in world.ended(q))
        world.box.work({})
