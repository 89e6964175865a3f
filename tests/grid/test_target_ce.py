"""A CE whose job router sends pilots on to Slurm, as most do: what was asked for arrives there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from factorybox import Box, InProcess
from patience import until
from testbed.condor import Condor
from testbed.pool import ACCESS_POINT, Pool
from testbed.settings import DOMAIN
from testbed.slurm import Slurm

SCRIPT = """#!/bin/sh
echo "queue=$FACTORYQUEUE cid=$APFCID"
echo "where=$SLURM_JOB_PARTITION,$SLURM_JOB_ACCOUNT"
echo "what=$SLURM_JOB_NUM_NODES,$SLURM_CPUS_ON_NODE,$SLURM_MEM_PER_NODE"
echo "seconds=$((SLURM_JOB_END_TIME - SLURM_JOB_START_TIME))"
"""
# What HTCondor-CE's own routes read, in miniature: cores, MB, minutes, queue and project of the incoming job.
ROUTES = """
JOB_ROUTER_SOURCE_JOB_CONSTRAINT = JobUniverse =?= 5
JOB_ROUTER_POLLING_PERIOD = 1
JOB_ROUTER_ROUTE_NAMES = Slurm
JOB_ROUTER_ROUTE_Slurm @=end
    TargetUniverse = 9
    GridResource = "batch slurm"
    EVALSET NodeNumber ifThenElse(xcount isnt undefined, xcount, 1)
    EVALSET SMPGranularity ifThenElse(xcount isnt undefined, xcount, 1)
    EVALSET RequestMemory ifThenElse(maxMemory isnt undefined, maxMemory, 200)
    EVALSET BatchRuntime 60 * ifThenElse(maxWallTime isnt undefined, maxWallTime, 60)
    EVALSET BatchQueue queue
@end
"""


@pytest.fixture(scope="module")
def slurm(place: Path) -> Iterator[Slurm]:
    with Slurm(place / "slurm") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def ce(slurm: Slurm, condor_folder: Condor, place: Path) -> Iterator[Pool]:
    (place / "routes").write_text(ROUTES)
    found = [p / "condor_job_router" for p in (condor_folder.libexec, condor_folder.sbin)]
    settings = {
        "LOCAL_CONFIG_FILE": str(place / "routes"),
        "JOB_ROUTER": str(next(p for p in found if p.exists())),
    }
    with Pool(
        place / "ce",
        "ce",
        (*ACCESS_POINT, "JOB_ROUTER"),
        settings,
        methods=("IDTOKENS",),
        condor=condor_folder,
        variables=slurm.blahp(condor_folder),
    ) as pool:
        yield pool


def test_what_a_pilot_asks_for_arrives_behind_a_ce(tmp_path: Path, ap: Pool, ce: Pool) -> None:
    # a router that is not root routes its own user's jobs only
    ap.hold_token("ce", ce.token(f"{ce.owner}@{DOMAIN}"))
    box = Box(tmp_path / "f", ap, "behind-a-ce")
    script = box.folder / "pilot.sh"
    script.write_text(SCRIPT)
    script.chmod(0o755)
    for path in (box.folder, *box.folder.parents[:2]):
        path.chmod(0o755)
    box.queue(
        "q1",
        batchsubmitplugin="CondorCE",
        schedplugin="Ready, MaxToSubmit",
        executable=str(script),
        **{
            "sched.maxtosubmit.maximum": "1",
            "batchsubmit.condorce.gridresource": ce.collector,
            "batchsubmit.condorce.schedd": ce.schedd,
            "batchsubmit.cores": "2",
            "batchsubmit.memory": "300",
            "batchsubmit.walltime": "30",
            "batchsubmit.queue": "grid",
            "batchsubmit.project": "atlas",
        },
    )
    box.work({"q1": 1})
    logs = box.folder / "pilots"
    with InProcess(box):
        until(lambda: any(f.stat().st_size for f in logs.glob("*/*/*.out")), "the pilot's output")
        until(lambda: box.pilots() == 0, "the pilot to leave the queue")
    (out,) = logs.glob("*/*/*.out")
    assert out.read_text().splitlines() == [
        f"queue=q1 cid={out.stem}",
        "where=grid,atlas",  # partition and account
        "what=1,2,300",  # nodes, cores, MB
        "seconds=1800",
    ]
