"""An access point that shares no files with the factory: pilots' files go there, output comes back."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from autopyfactory.plugins.batchsubmit import condorbase
from factorybox import Box, Daemon, InProcess
from patience import until
from testbed.condor import Condor
from testbed.errors import TestbedError
from testbed.pool import SITE, Pool

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PILOT = """#!/bin/sh
echo "queue=$FACTORYQUEUE cid=$APFCID words=$1"
echo "to err" >&2
"""


@pytest.fixture(scope="module")
def pool(condor_folder: Condor, place: Path) -> Iterator[Pool]:
    quick = {"NEGOTIATOR_INTERVAL": "2", "NEGOTIATOR_CYCLE_DELAY": "1", "SCHEDD_INTERVAL": "2"}
    with Pool(place / "remote", "remote", SITE, quick, condor=condor_folder) as made:
        yield made


def remote(folder: Path, pool: Pool, name: str, **options: str) -> Box:
    """A factory whose files the schedd's host does not have: they are not readable for its jobs."""
    box = Box(folder / "f", pool, name)
    script = box.folder / "pilot.sh"
    script.write_text(PILOT)
    script.chmod(0o755)
    box.queue(
        "q1",
        executable=str(script),
        executable__arguments="hello",
        batchsubmit__condorlocal__spool="True",
        batchsubmit__condorlocal__condor_attributes="request_memory = 1,request_disk = 1",
        **options,
    )
    return box


def outputs(box: Box) -> list[str]:
    return sorted(f.read_text() for f in (box.folder / "pilots").glob("*/*/*.out") if f.stat().st_size)


def test_the_pilots_files_go_there_and_their_output_comes_back(pool: Pool, tmp_path: Path) -> None:
    box = remote(tmp_path, pool, "spooled", schedplugin="Ready, MaxToSubmit", sched__maxtosubmit__maximum="6")
    box.work({"q1": 6})
    with InProcess(box) as factory:
        until(lambda: len(outputs(box)) == 6, "what all have written")
        until(lambda: box.pilots() == 0, "all to leave the queue")
        until(lambda: factory.book.open("q1") == 0, "the book to know")
        assert len([e for e in factory.endings.of("q1").last if e.outcome == "well"]) == 6
    for out in (box.folder / "pilots").glob("*/*/*.out"):
        assert out.read_text() == f"queue=q1 cid={out.stem} words=hello\n"
        assert out.with_suffix(".err").read_text() == "to err\n"


def is_worker(process: psutil.Process) -> bool:
    try:
        return "autopyfactory.condor.worker" in process.cmdline()
    except psutil.Error:
        return False


def test_kills_in_between_lose_and_double_nothing(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Factory and helper are killed while they send; pilots whose files never came are removed."""
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    rng = random.Random(seed)
    wanted = 8
    box = remote(
        tmp_path,
        pool,
        "spool-kills",
        apfqueue__sleep="0.1",
        sched__maxtorun__maximum=str(wanted),
        sched__maxpercycle__maximum="1",
    )
    stop = box.folder / "stop"
    (box.folder / "pilot.sh").write_text(f"#!/bin/sh\nwhile [ ! -e {stop} ]; do sleep 0.2; done\necho done\n")
    box.factory_options |= {"book.underway": "30", "book.apart": "60"}
    box.work({"q1": 1000})
    socket = box.folder / "state/control.sock"
    for life in range(8):
        socket.unlink(missing_ok=True)
        daemon = Daemon(box)
        until(lambda d=daemon: socket.exists() or d.process.poll() is not None, "the factory")
        time.sleep(rng.uniform(0.2, 3))
        if life % 2:
            daemon.kill()
        else:
            for child in filter(is_worker, psutil.Process(daemon.process.pid).children()):
                with contextlib.suppress(psutil.Error):
                    child.kill()
            time.sleep(rng.uniform(0, 1))
            daemon.kill()
        assert box.pilots() <= wanted
    # the schedd has been waiting for files, if somebody was killed just then
    monkeypatch.setattr(condorbase, "UNSPOOLED", condorbase.UNSPOOLED.replace("> 300", "> 3"))
    with InProcess(box) as factory:

        def settled() -> bool:
            rows = box.ads("JobStatus")
            return [row[0] for row in rows] == ["2"] * wanted and factory.book.open("q1") == wanted

        for _ in range(2):  # intents that nobody knows of count until they were looked for twice
            with contextlib.suppress(TestbedError):
                until(settled, "as many as wanted run", 0.5)
        assert settled(), (box.ads("JobStatus", "HoldReasonCode"), factory.book.open("q1"))
        clusters: dict[str, set[str]] = {}
        for tag, cluster in box.ads("ApfSubmission", "ClusterId"):
            clusters.setdefault(tag, set()).add(cluster)
        assert all(len(found) == 1 for found in clusters.values()), "each tag is one submission"
        box.work({"q1": 0})
        stop.touch()
        until(lambda: outputs(box) == ["done\n"] * wanted, "what all have written")
        until(lambda: box.pilots() == 0 and factory.book.open("q1") == 0, "all to be gone")
