"""The factory itself is killed, stopped, doubled, or left without disk or news: the numbers stay right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from factorybox import Box, Daemon, InProcess, at_ce, last
from patience import SOON, until
from testbed.grid import Grid
from testbed.pool import Pool

KILLS = 50


@pytest.fixture
def box(tmp_path: Path, ap: Pool, request: pytest.FixtureRequest) -> Iterator[Box]:
    """A factory of this test's own on the module's access point."""
    name = f"f-{request.node.name}"[:40]
    yield Box(tmp_path / "f", ap, name)
    ap.run_client("condor_rm", "-const", f'ApfFactory == "{name}"', check=False)


@pytest.mark.timeout(1200)
def test_killed_fifty_times_none_lost_none_doubled(box: Box) -> None:
    """Each queue wants two pilots more in each cycle, up to 60, so that kills hit submissions."""
    queues, target = [f"k{i}" for i in range(4)], 60
    for name in queues:
        box.queue(
            name,
            sched__maxtorun__maximum=str(target),
            sched__maxpercycle__maximum="2",
            apfqueue__sleep="0.05",
        )
    box.work(dict.fromkeys(queues, 1000))
    random.seed(1)
    for _ in range(KILLS):
        daemon = Daemon(box)
        until(lambda d=daemon: d.socket.exists() or d.process.poll() is not None, "the daemon")
        time.sleep(random.uniform(0.0, 0.8))
        daemon.kill()
        assert all(box.pilots(name) <= target for name in queues)
    daemon = Daemon(box)
    try:
        until(lambda: box.pilots() >= target * len(queues), "all pilots")
        time.sleep(5)
    finally:
        daemon.terminate()
    ads = box.ads("MATCH_APF_QUEUE", "ApfSubmission", "ClusterId")
    assert Counter(row[0] for row in ads) == dict.fromkeys(queues, target)
    clusters_of: dict[str, set[str]] = {}
    for _, tag, cluster in ads:
        clusters_of.setdefault(tag, set()).add(cluster)
    assert all(len(clusters) == 1 for clusters in clusters_of.values()), "a submission was repeated"


def test_term_during_a_hang_ends_within_five_seconds(box: Box) -> None:
    box.factory_options["batchstatus.condor.timeout"] = "60"
    box.queue("q1", sched__maxtorun__maximum="5")
    box.work({"q1": 5})
    daemon = Daemon(box)
    try:
        until(lambda: box.pilots() == 5, "pilots")
        schedd = box.ap.pid_of("SCHEDD")
        os.kill(schedd, signal.SIGSTOP)
        try:
            time.sleep(2)
            took = daemon.terminate()
        finally:
            os.kill(schedd, signal.SIGCONT)
    finally:
        if daemon.process.poll() is None:
            daemon.kill()
    assert took < SOON, "the call that hangs would take a minute"
    assert box.pilots() == 5


def test_two_factories_with_equal_queue_names_do_not_count_each_other(tmp_path: Path, ap: Pool) -> None:
    boxes = [Box(tmp_path / name, ap, name) for name in ("twin-a", "twin-b")]
    for box in boxes:
        box.queue("same", sched__maxtorun__maximum="7")
        box.work({"same": 50})
    with InProcess(boxes[0]), InProcess(boxes[1]):
        until(lambda: all(box.pilots() == 7 for box in boxes), "seven pilots of each")
        time.sleep(3)
        assert [box.pilots() for box in boxes] == [7, 7]


def test_a_wms_that_fails_and_returns(box: Box) -> None:
    box.queue("q1", wmsstatus__file__maxage="3", sched__maxtorun__maximum="30")

    def told(n: int) -> bool:
        """What is written is old after three seconds, which a busy machine may take to read it."""
        box.work({"q1": n})
        return box.pilots() == n

    with InProcess(box) as factory:
        queue = factory.queues["q1"]
        until(lambda: told(10), "ten pilots")
        box.work_file.unlink()
        until(lambda: "WMS status" in last(factory, "q1"), "the queue to say what it misses")
        begun = queue.cycles_run
        until(lambda: queue.cycles_run >= begun + 10, "ten cycles without news")
        assert "held back" in last(factory, "q1")
        assert box.pilots() == 10
        until(lambda: told(25), "recovery")


def test_a_ce_that_refuses_the_token_gets_no_pilot_too_many(tmp_path: Path, grid: Grid) -> None:
    box = Box(tmp_path / "f", grid.ap, "refused")
    box.queue(
        "q1",
        **at_ce(grid, "ce1") | {"batchsubmit.condorce.tokenfile": str(grid.site_token("ce2"))},
        sched__maxtorun__maximum="4",
    )
    box.work({"q1": 50})
    with InProcess(box) as factory:
        until(lambda: box.pilots() == 4, "four pilots")
        end = time.monotonic() + 30
        while time.monotonic() < end:
            assert box.pilots() == 4
            time.sleep(1)
        record = factory.queues["q1"].last
        assert record is not None and record.inputs is not None and record.inputs.batch is not None
        assert (record.inputs.batch.pending, record.inputs.batch.running) == (4, 0)


@pytest.mark.root
def test_a_full_disk_where_pilots_logs_go(tmp_path: Path, ap: Pool) -> None:
    """Root, to mount a small file system; the factory runs as the pool's user."""
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents[:2]:
        os.chmod(parent, 0o755)
    box = Box(tmp_path / "f", ap, "full")
    # what the disk says, not the watch of its room
    box.factory_options |= {"room.minimum": "0", "room.inodes": "0"}
    disk = box.folder / "pilots"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777,nr_inodes=6", "apf", disk], check=True)
    try:
        for i in range(8):  # every file and folder that there is room for
            try:
                (disk / f"fill{i}").write_text("x")
            except OSError:
                break
        box.queue("q1", sched__maxtorun__maximum="5")
        box.work({"q1": 5})
        for path in (box.folder, *box.folder.glob("*")):
            if path != disk:
                os.chown(path, 65534, 65534)
        daemon = Daemon(box, "--runas", "nobody")
        try:
            log = box.folder / "queues/q1.log"
            until(
                lambda: log.exists() and "no place for the pilots' logs" in log.read_text(),
                "the reason",
            )
            assert box.pilots() == 0
            for file in disk.glob("fill*"):
                file.unlink()
            until(lambda: box.pilots() == 5, "recovery")
        finally:
            daemon.terminate()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
