"""Work read from a real Slurm cluster, by squeue and by slurmrestd."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.rest import REST
from autopyfactory.plugins.wmsstatus.slurm import Slurm
from patience import until
from servers.context import context
from servers.queueworld import QueueWorld
from servers.sources import bound
from testbed.slurm import Slurm as Cluster


@pytest.fixture(scope="module")
def cluster(place: Path) -> Iterator[Cluster]:
    with Cluster(place / "slurm") as running:
        yield running


@pytest.fixture
def jobs(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with nothing to do; what a test submits is cancelled after it."""
    yield cluster
    cluster.cancel_all()


def squeue(cluster: Cluster, queue: str = "grid", **texts: str) -> Slurm:
    given = {"squeue": str(cluster.bin / "squeue"), "conf": str(cluster.conf), **texts}
    return bound(Slurm, context(queue), **{f"wmsstatus.slurm.{k}": v for k, v in given.items()})


def restd(cluster: Cluster, token: Path, queue: str = "grid") -> REST:
    texts = {"url": cluster.rest_url, "preset": "slurmrestd", "tokenfile": str(token)}
    texts["header.X-SLURM-USER-NAME"] = cluster.user
    return bound(REST, context(queue), **{f"wmsstatus.rest.{k}": v for k, v in texts.items()})


def info(plugin: Slurm | REST) -> WMSQueueInfo | None:
    return plugin.queue_info(plugin.fetch())


def fill(cluster: Cluster) -> None:
    """Four jobs that run and ten that could, and more that could not however many pilots came."""
    running = cluster.submit("--array=1-4")
    until(
        lambda: cluster.run("squeue", "-h", "-r", "-t", "R", "-o", "%i").count("\n") == 3,
        "four running",
    )
    cluster.submit("--array=1-9%5")
    cluster.submit()
    cluster.submit("--hold", "--array=0-2")
    cluster.submit(f"--dependency=afterok:{running}")
    cluster.submit("--begin=now+1hour")
    cluster.submit("-p", "shut", "--array=1-7")
    cluster.submit("-p", "short", "-t", "1")
    until(
        lambda: "(None)" not in cluster.run("squeue", "-h", "-t", "PD", "-o", "(%r)").replace("shut", ""),
        "the scheduler's reasons",
    )


# the array with %5 is 9 tasks: at most 5 at once is a limit of its own, which applies once they run
EXPECTED = WMSQueueInfo(ready=10, notready=5, running=4)


def test_squeue_tells_what_pilots_could_run(jobs: Cluster) -> None:
    empty = squeue(jobs)
    assert info(empty) == WMSQueueInfo(), "a partition without jobs has no work"
    fill(jobs)
    status = squeue(jobs).fetch()
    assert status.queues["grid"] == EXPECTED
    assert squeue(jobs, "shut").queue_info(status) == WMSQueueInfo(notready=7)
    assert squeue(jobs, "short").queue_info(status) == WMSQueueInfo(ready=1)
    assert info(squeue(jobs, ignoreusers=jobs.user)) == WMSQueueInfo()


def test_slurmrestd_tells_the_same(jobs: Cluster, tmp_path: Path) -> None:
    fill(jobs)
    jobs.start_rest()
    token = tmp_path / "token"
    token.write_text(jobs.token())
    told, expected = restd(jobs, token).fetch().queues, squeue(jobs).fetch().queues
    # slurmrestd also tells of jobs that ended a while ago, as done and failed
    assert {q: replace(i, done=0, failed=0) for q, i in told.items()} == expected
    token.write_text(jobs.token()[:-3] + "xyz")
    with pytest.raises(SourceError, match=r"answered \d\d\d|Slurm reports errors"):
        restd(jobs, token).fetch()
    jobs.kill("slurmrestd")
    with pytest.raises(SourceError, match="Connection refused"):
        restd(jobs, token).fetch()


def test_a_job_for_several_partitions_counts_once(jobs: Cluster) -> None:
    jobs.submit("--array=1-4")
    until(lambda: info(squeue(jobs)) == WMSQueueInfo(running=4), "four running")
    jobs.submit("-p", "grid,short", "-t", "1")
    status = squeue(jobs).fetch()
    assert sum(q.ready for q in status.queues.values()) == 1


@pytest.mark.parametrize("fault", ["killed", "stopped"])
def test_a_controller_that_is_away_sends_no_pilots(jobs: Cluster, tmp_path: Path, fault: str) -> None:
    jobs.submit("--array=1-9")
    world = QueueWorld(tmp_path, squeue(jobs, timeout="2"))
    assert world.poll(), world.trouble()
    assert not world.cycle().gate
    if fault == "killed":
        jobs.kill("slurmctld")
    else:
        stopped = jobs.pid_of("slurmctld")
        os.kill(stopped, signal.SIGSTOP)
    try:
        world.clock.advance(400)
        assert not world.poll()
        record = world.cycle()
        assert record.outcome == "held back"
        assert "did not end within 2 s" in record.reason or "Unable to contact" in record.reason
    finally:
        if fault == "killed":
            jobs.start_controller()
        else:
            os.kill(stopped, signal.SIGCONT)
    until(world.poll, "the first good answer")
    assert not world.cycle().gate
