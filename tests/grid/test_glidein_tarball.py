"""A glidein that brings its HTCondor along: fetched by digest, unpacked on the node, in a real pool."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patience import PATIENCE
from pilotkit import Pilot, built
from testbed.pool import NEGOTIATED, Pool
from testbed.settings import DOMAIN

GLIDEIN = f"glidein@{DOMAIN}"
LIMITS = ("READ", "ADVERTISE_STARTD", "ADVERTISE_MASTER")


@pytest.fixture(scope="module")
def vo(make_pool: Callable[..., Pool]) -> Pool:
    return make_pool("vo", NEGOTIATED, members=(GLIDEIN,))


@pytest.fixture(scope="module")
def archive(vo: Pool, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """HTCondor's own programs in one file, under a top folder as its project's archives have it."""
    path = tmp_path_factory.mktemp("archive") / "condor.tar.gz"
    release = vo.condor.release
    words = [
        "tar",
        "-C",
        str(release.parent),
        "--transform",
        f"s,^{release.name},condor-stripped,",
        "-cf",
        "-",
    ]
    with path.open("wb") as file:
        tar = subprocess.Popen([*words, release.name], stdout=subprocess.PIPE)
        subprocess.run(["gzip", "-1"], stdin=tar.stdout, stdout=file, check=True, timeout=300)
        assert tar.wait(60) == 0
    return path


Glide = Callable[..., Pilot]


@pytest.fixture
def glide(vo: Pool, tmp_path: Path) -> Iterator[Glide]:
    """``glide(tarball, sha256)``: a pilot on a node without HTCondor."""
    token = vo.token(GLIDEIN, authz=LIMITS)
    quick = tmp_path / "quick.config"
    quick.write_text("UPDATE_INTERVAL = 1\n")
    flying: list[Pilot] = []

    def glide(tarball: str, sha256: str) -> Pilot:
        options = {
            "pool": vo.collector, "label": "tar", "token": "pool.token", "idle": "20", "grace": "2",
            "cpus": "1", "memory": "500", "config": str(quick), "tarball": tarball, "tarball_sha256": sha256,
        }  # fmt: skip
        wrapper = built("glidein", options={f"glidein.{key}": value for key, value in options.items()})
        pilot = Pilot(tmp_path, wrapper, files={"pool.token": token}, path="/usr/bin:/bin", APFCID="1.0")
        flying.append(pilot)
        return pilot

    yield glide
    for pilot in flying:
        pilot.stop()


def submit(vo: Pool, script: str) -> None:
    lines = [
        "executable = /bin/sh", f"arguments = \"-c '{script}'\"", "transfer_executable = false",
        "should_transfer_files = yes", "request_memory = 100", '+MATCH_APF_QUEUE = "tar"', "queue",
    ]  # fmt: skip
    vo.run("condor_submit", "-", input="\n".join(lines) + "\n")


def test_it_serves_with_the_htcondor_it_fetched(vo: Pool, glide: Glide, archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    submit(vo, "exit 0")
    pilot = glide(f"/nowhere/condor.tar.gz {archive}", digest)
    ended = pilot.end(4 * PATIENCE)
    assert (ended.code, ended.summary["outcome"]) == (0, "ok"), ended.output + ended.errors
    assert ended.summary["payload"] == {**ended.summary["payload"], "name": "glidein", "total": 1, "ok": 1}
    assert "release/condor-stripped" in ended.output  # what it ran, and it is gone
    assert "not what is wanted from /nowhere/condor.tar.gz" in ended.output


def test_nothing_runs_of_an_archive_with_another_digest(glide: Glide, archive: Path) -> None:
    ended = glide(str(archive), "0" * 64).end(2 * PATIENCE)
    assert (ended.code, ended.summary["reason"]) == (10, "no-condor"), ended.output + ended.errors
    assert "not what is wanted" in ended.output and "joined as" not in ended.output
