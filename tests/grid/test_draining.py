"""A glidein that the factory takes back while it runs a job: it drains, and the job ends well.

From the factory's decision over the access point and the CE to the startd in the pilot, all real HTCondor.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from factorybox import Box, InProcess, at_ce
from patience import until
from testbed.grid import Grid

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def submit(grid: Grid, script: str) -> str:
    """Queue a job of a user; return its id."""
    lines = [
        "executable = /bin/sh",
        f"arguments = \"-c '{script}'\"",
        "transfer_executable = false",
        "should_transfer_files = yes",
        "skip_filechecks = true",
        "request_memory = 100",
        '+MATCH_APF_QUEUE = "q1"',
        "queue",
    ]
    done = grid.vo.run("condor_submit", "-terse", "-", input="\n".join(lines) + "\n")
    return done.stdout.split()[0]


def status(grid: Grid, job: str) -> str:
    return grid.vo.run("condor_q", job, "-af", "JobStatus").stdout.strip()


def ended(grid: Grid, job: str) -> list[str]:
    """Return exit code and number of starts of a job that has ended; empty before."""
    return grid.vo.run("condor_history", job, "-limit", "1", "-af", "ExitCode", "NumJobStarts").stdout.split()


def test_a_running_glidein_that_is_taken_back_drains(grid: Grid, tmp_path: Path) -> None:
    box = Box(tmp_path / "f", grid.ap, "drains")
    for path in (box.folder, *box.folder.parents[:2]):
        path.chmod(0o755)
    go = tmp_path / "go"
    box.queue(
        "q1",
        **at_ce(grid, "ce1"),
        schedplugin="KeepNRunning",
        sched__keepnrunning__keep_running="1",
        **{
            "wrapper.payload": "glidein",
            "wrapper.grace": "700",
            "wrapper.option.glidein.pool": grid.vo.collector,
            "wrapper.option.glidein.token": "glidein.token",
            "batchsubmit.condorce.condor_attributes.transfer_input_files": str(grid.glidein_token),
            "wrapper.option.glidein.condor": str(grid.vo.condor.release),
            "wrapper.option.glidein.idle": "600",
            "wrapper.option.glidein.drain": "600",
        },
    )
    del box.queues["q1"]["executable"]
    box.work({"q1": 1})
    job = submit(grid, f"while [ ! -e {go} ]; do sleep 0.2; done")
    with InProcess(box) as factory:
        until(lambda: status(grid, job) == "2", "the job to run in the glidein", 0.3)
        until(lambda: ["2"] in box.ads("JobStatus"), "the pilot to be seen to run", 0.3)
        box.queues["q1"]["sched.keepnrunning.keep_running"] = "0"
        assert factory.reload().applied
        until(lambda: box.pilots() == 0, "the pilot to be taken back", 0.3)
        # The expression itself: beside no job its value is false from the beginning.
        start = ("condor_status", "-const", 'SlotType == "Partitionable"', "-af", "unparse(Start)")
        until(lambda: grid.vo.run(*start).stdout.strip() == "false", "the glidein to let in no more", 0.3)
        assert status(grid, job) == "2", "its job goes on"
        late = submit(grid, "true")
        go.touch()
        assert until(lambda: ended(grid, job), "the job's end", 0.3) == ["0", "1"], "in one go"
        at_the_ce = ("condor_q", "-all", "-af", "ClusterId")
        until(lambda: not grid.sites["ce1"].run(*at_the_ce).stdout, "the pilot's end", 0.3)
    # Its schedd may have tried to go on with the claim, and been refused: then it has to notice that first.
    until(lambda: status(grid, late) == "1", "the late job waits", 0.3)
    assert grid.vo.run("condor_q", late, "-af", "NumJobStarts").stdout.strip() in ("0", "undefined")
    grid.vo.run("condor_rm", late)
