"""The whole loop: three kinds of pilots at two CEs, and a third CE whose node is broken in four ways.

HTCondor, wrapper, checks and PanDA's pilot are real, the PanDA server is a stand-in. What breaks the node is
between its startd and the pilot, as the node itself would be: a file system with hardly any room, a clock
that is ten minutes off, a command that is not there, a mount that never answers (a FIFO: who opens it waits,
as on a dead server; unlike a process in state D it could be killed, on which the wrapper does not rely).
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import pandapilot
from autopyfactory.factory.factory import Factory
from autopyfactory.model.ending import Ending
from autopyfactory.model.record import CycleRecord, Event
from autopyfactory.why import explain
from autopyfactory.wrapper.summary import Summary, summary
from factorybox import Box, InProcess, at_ce
from patience import PATIENCE, until
from servers.pandapilot import PilotPanda
from testbed.condor import Condor
from testbed.grid import Grid
from testbed.ports import free_port

LONG = 4 * PATIENCE
LABEL, SITE = "mc", "TEST_SITE"
CYCLES = 2  # in which a broken node must be named
PAYLOAD = b"#!/bin/sh\necho the payload runs\n"

# Stands between the startd and the job of the queue whose fault a file of that name tells.
NODE = r"""#!/bin/sh
fault=$(cat "@FAULTS@/$FACTORYQUEUE" 2>/dev/null)
case $fault in
    scratch)
        export here="$PWD"
        exec unshare -Urm sh -c 'mount -t tmpfs -o size=4m none /mnt && cp -a . /mnt/ &&
            mount --bind /mnt "$here" && cd "$here" && exec "$@"' - "$@"
        ;;
    clock) PATH=@FAULTS@/wrong:$PATH exec "$@" ;;
    tools) exec unshare -Urm sh -c 'mount --bind /dev/null /usr/bin/perl && exec "$@"' - "$@" ;;
esac
exec "$@"
"""
DATE = '#!/bin/sh\nexec /bin/date -d "+600 seconds" "$@"\n'

# fault (which is the queue's name and the check's): what its pilots say, and the exit code
BROKEN = {
    "scratch": ("MB left of 500", 16),
    "clock": ("s off", 18),
    "tools": ("not here: perl", 18),
    "cvmfs": ("x.cern.ch hangs", 18),
}
HOLD = 3  # seconds


class Node:
    """The node of the CE `bad`: broken in all four ways until it is mended."""

    def __init__(self, place: Path) -> None:
        self.faults = place / "faults"
        self.mount = self.faults / "cvmfs-mount"
        (self.faults / "wrong").mkdir(parents=True)
        (self.mount / "x.cern.ch").mkdir(parents=True)
        self.probe = self.mount / "x.cern.ch/.cvmfsdirtab"
        for name, text in (("wrong/date", DATE), ("node.sh", NODE.replace("@FAULTS@", str(self.faults)))):
            (self.faults / name).write_text(text)
            (self.faults / name).chmod(0o755)

    @property
    def program(self) -> Path:
        return self.faults / "node.sh"

    def breaks(self) -> None:
        for fault in BROKEN:
            (self.faults / fault).write_text(fault)
        os.mkfifo(self.probe)

    def mended(self) -> None:
        for fault in BROKEN:
            (self.faults / fault).unlink()
        self.probe.unlink()
        self.probe.write_text("x")


@pytest.fixture(scope="module")
def node(place: Path) -> Node:
    return Node(place)


@pytest.fixture(scope="module")
def grid(condor_folder: Condor, place: Path, node: Node) -> Iterator[Grid]:
    settings = {"bad": {"USER_JOB_WRAPPER": str(node.program)}}
    with Grid(place / "grid", sites=("ce1", "ce2", "bad"), settings=settings, condor=condor_folder) as it:
        yield it


class World:
    """One factory with a queue per kind of pilot at good CEs, and one per fault at the bad one."""

    def __init__(self, folder: Path, grid: Grid, node: Node, panda: PilotPanda) -> None:
        self.grid, self.folder, self.panda = grid, folder, panda
        self.box = Box(folder / "box", grid.ap, "loop")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self.box.factory_options |= {
            "wmsstatus.panda.sleep": "1", "wmsstatus.panda.maxage": "10",
            "reports.listen": f"127.0.0.1:{port}",
            "breaker.failures": "3", "breaker.firstprobe": "20", "breaker.lastprobe": "20",
        }  # fmt: skip
        self._glidein()
        self._panda()
        self._queue("cmd", "ce2", "command", **{"wrapper.option.command.command": "true"})
        for fault in BROKEN:
            self._broken(fault, node)

    def _queue(self, name: str, ce: str, payload: str, **options: str) -> None:
        self.box.queue(
            name,
            **at_ce(self.grid, ce),
            schedplugin="Ready, MaxPerCycle, MaxPending",
            sched__maxpending__maximum="1",
            **{
                "wrapper.payload": payload,
                "wrapper.checks": "os, cores, memory, disk, wall, tools",
                "wrapper.report": self.url,
                "wrapper.hold": str(HOLD),
                **options,
            },
        )
        del self.box.queues[name]["executable"]

    def _glidein(self) -> None:
        token = self.folder / "pool.token"
        shutil.copy(self.grid.glidein_token, token)
        token.chmod(0o600)
        given = {
            "pool": self.grid.vo.collector, "label": LABEL, "token": "pool.token", "idle": "20",
            "condor": str(self.grid.vo.condor.release),
        }  # fmt: skip
        self._queue(
            "glide", "ce1", "glidein",
            **{f"wrapper.option.glidein.{k}": v for k, v in given.items()},
            **{"batchsubmit.condorce.condor_attributes.transfer_input_files": str(token)},
        )  # fmt: skip

    def _panda(self) -> None:
        url = self.panda.url
        self._queue(
            "panda", "ce1", "panda",
            **{
                "wmsqueue": SITE, "wmsstatusplugin": "Panda", "wmsstatus.panda.url": url,
                "wmsstatus.panda.sites.sleep": "1",
                "batchsubmit.condorce.environ": f"http_proxy={url} no_proxy=127.0.0.1,localhost",
                **pandapilot.options(SITE, url, self.panda.port),
            },
        )  # fmt: skip

    def _broken(self, fault: str, node: Node) -> None:
        options = {
            "wrapper.checks": fault,
            "wrapper.option.command.command": "true",
            "wrapper.option.command.needs": fault,
        }
        if fault == "tools":
            options["wrapper.option.tools.commands"] = "awk,perl"
        if fault == "cvmfs":
            options |= {
                "wrapper.option.cvmfs.repositories": "x.cern.ch",
                "wrapper.option.cvmfs.mount": str(node.mount),
            }
        self._queue(fault, "bad", "command", **options)

    def ended(self, queue: str) -> list[Summary]:
        """The summaries of this queue's pilots that are back, oldest first."""
        paths = sorted((self.box.folder / "pilots").rglob(f"{queue}/*.out"), key=lambda p: p.stat().st_mtime)
        told = (summary(path.read_text(errors="replace")) for path in paths)
        return [one for one in told if one is not None]

    def submit_job(self) -> str:
        """Put a job for glideins into the users' pool; return its id."""
        lines = [
            "executable = /bin/sh", "arguments = \"-c 'exit 0'\"", "transfer_executable = false",
            "request_memory = 100", "should_transfer_files = yes", f'+MATCH_APF_QUEUE = "{LABEL}"', "queue",
        ]  # fmt: skip
        done = self.grid.vo.run("condor_submit", "-terse", "-", input="\n".join(lines) + "\n")
        return done.stdout.split()[0]


class Witness:
    """Counts for each queue the cycles that began after its first bad ending was known, until it is named."""

    def __init__(self, factory: Factory) -> None:
        self._lock = threading.Lock()
        self._bad: set[str] = set()
        self._cycles: dict[str, int] = {}
        self.named: dict[str, tuple[int, dict[str, int], dict[str, int]]] = {}
        factory.book.endings.subscribe(self._ended)
        factory.reporting.listeners.append(self._note)

    def _ended(self, endings: list[Ending]) -> None:
        with self._lock:
            self._bad |= {e.queue for e in endings if e.how}

    def _note(self, event: Event) -> None:
        if not isinstance(event, CycleRecord):
            return
        with self._lock:
            if event.queue not in self._bad or event.queue in self.named:
                return
            self._cycles[event.queue] = number = self._cycles.get(event.queue, 0) + 1
            fared = event.troubles.fared if event.troubles else None
            if fared and fared.checks:
                self.named[event.queue] = (number, dict(fared.checks), dict(fared.hosts))


@pytest.fixture
def world(tmp_path: Path, grid: Grid, node: Node) -> Iterator[World]:
    tmp_path.chmod(0o755)
    (tmp_path / "storage").mkdir()
    panda = PilotPanda(SITE).start()
    panda.files = pandapilot.files(SITE, tmp_path / "storage", PAYLOAD)
    yield World(tmp_path, grid, node, panda)
    panda.stop()


@pytest.mark.timeout(1800)
def test_the_loop_closes_and_a_broken_node_is_named_held_and_recovers(world: World, node: Node) -> None:
    node.breaks()
    job, number = world.submit_job(), world.panda.add_job(pandapilot.TRANSFORM)
    broken = dict.fromkeys(BROKEN, 1)
    with InProcess(world.box) as factory:
        witness = Witness(factory)
        world.box.work({"glide": 1, "cmd": 1, **broken})

        # the broken node: each fault told by its check, as the site's, and named with the node
        for fault, (words, code) in BROKEN.items():
            until(lambda q=fault: world.ended(q), f"a pilot that met {fault}", 0.5, limit=LONG)
            told = world.ended(fault)[0]
            assert (told.exit, told.reason, told.owner, told.outcome) == (code, fault, "site", "unfit")
            assert told.culprit is not None and words in told.culprit.reason
            assert told.hold == HOLD
            until(lambda q=fault: q in witness.named, f"{fault} to be named", 0.3, limit=LONG)
            cycles, checks, hosts = witness.named[fault]
            assert cycles <= CYCLES and set(checks) == {fault} and set(hosts) == {os.uname().nodename}

        # its breaker holds it: all queues of that CE, and no others
        def stopped(queue: str) -> CycleRecord | None:
            world.box.work(broken)  # the jobs are still there: pilots that started have not taken them
            record = factory.queues[queue].last
            return record if record is not None and record.breaker_scope == "ce" and record.breaker else None

        for fault in BROKEN:
            record = until(lambda q=fault: stopped(q), f"{fault} to be stopped", 0.5, limit=LONG)
            [cause] = [c for c in explain([record]).causes if c.code == "breaker-open"]
            assert cause.who == "site" and "check " in cause.words

        # meanwhile the loop closes at the other CEs
        until(
            lambda: world.panda.status(number) == "finished", "PanDA's job to be finished", 0.5, limit=LONG
        )
        for queue in ("glide", "cmd", "panda"):
            until(lambda q=queue: world.ended(q), f"a pilot of {queue} to come back", 0.5, limit=LONG)
            assert not stopped(queue)
        assert world.grid.vo.run("condor_history", job, "-af", "ExitCode").stdout.strip() == "0"
        first = {queue: world.ended(queue)[0] for queue in ("glide", "cmd", "panda")}
        assert {queue: (told.exit, told.payload, told.ok) for queue, told in first.items()} == {
            "glide": (0, "glidein", 1),
            "cmd": (0, "command", 1),
            "panda": (0, "panda", 1),
        }
        assert number in world.panda.workers, "job and pilot are linked"

        # mended, it recovers
        node.mended()

        def recovered() -> bool:
            world.box.work(broken)
            return all(
                (r := factory.queues[q].last) is not None
                and not r.breaker
                and any(told.exit == 0 for told in world.ended(q))
                for q in BROKEN
            )

        until(recovered, "the mended CE to be used again by all its queues", 1, limit=LONG)
        world.box.work({})
        assert factory.reporting.reports is not None and factory.reporting.reports.taken > 0
