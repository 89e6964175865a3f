"""Pilots to a real ARC CE (A-REX 7) whose jobs run in a real Slurm cluster, as at most sites with ARC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arckit import access_point, arc_box, come_back
from factorybox import InProcess
from patience import until
from testbed.arc import ARC
from testbed.authority import Authority
from testbed.condor import Condor
from testbed.pool import Pool
from testbed.slurm import Slurm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PILOT = '#!/bin/sh\necho "queue=$FACTORYQUEUE cid=$APFCID slurm=$SLURM_JOB_PARTITION/$SLURM_JOB_ID"\n'


@pytest.fixture(scope="module")
def slurm(place: Path) -> Iterator[Slurm]:
    with Slurm(place / "slurm", remembers=300) as cluster:  # Slurm's default; A-REX asks when a job has ended
        yield cluster


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def arc(place: Path, authority: Authority, slurm: Slurm) -> Iterator[ARC]:
    with ARC(place / "arc", authority, ["/DC=test/DC=grid/CN=factory"], slurm=slurm) as ce:
        yield ce


@pytest.fixture(scope="module")
def ap(arc: ARC, condor_folder: Condor, place: Path) -> Iterator[Pool]:
    with access_point(arc, condor_folder, place / "ap") as pool:
        yield pool


def test_a_pilot_runs_in_slurm_as_asked_for_and_its_output_comes_back(
    tmp_path: Path, ap: Pool, arc: ARC, slurm: Slurm, authority: Authority
) -> None:
    asked = {
        "batchsubmit.queue": "grid",
        "batchsubmit.cores": "2",
        "batchsubmit.memory": "200",
        "batchsubmit.walltime": "30",
    }
    proxy = authority.proxy(authority.user("factory"))
    made = arc_box(tmp_path, ap, arc, "to-slurm", PILOT, "proxy", proxy, **asked)
    with InProcess(made):
        (job,) = until(lambda: [j for j in slurm.jobs() if j["partition"] == "grid"], "the job in Slurm", 0.5)
        out = come_back(made)
    assert out.read_text() == f"queue=q1 cid={out.stem} slurm=grid/{job['job_id']}\n"
    told = ("tasks", "memory_per_cpu", "time_limit")  # memory: 100 MB for each core, in MiB rounded up
    assert [job[what]["number"] for what in told] == [2, 96, 30]
