"""Payloads in containers, by a real apptainer without privileges; images are folders, as CVMFS has them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from patience import PATIENCE, until
from pilotkit import Pilot, built
from testbed import apptainer

INSIDE = "only the image has this"
FOLDERS = ("bin", "etc", "tmp", "var/tmp", "proc", "sys", "dev", "root", "home")


@pytest.fixture(scope="module")
def program() -> Path:
    return apptainer.find()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Busybox and the libraries that it needs, and nothing else."""
    place = tmp_path_factory.mktemp("image")
    for name in FOLDERS:
        (place / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox, "busybox is not installed: bin/test does that"
    shutil.copy(busybox, place / "bin/busybox")
    for name in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        if name != "busybox":
            (place / "bin" / name).symlink_to("busybox")
    needed = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", needed):  # none, where it is static
        (place / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, place / library[1:])
    for name, line in (
        ("passwd", "root:x:0:0::/:/bin/sh\n"),
        ("group", "root:x:0:\n"),
        ("apf-image", INSIDE),
    ):
        (place / "etc" / name).write_text(line)
    return place


Contain = Callable[..., Pilot]


@pytest.fixture
def contain(tmp_path: Path, program: Path, image: Path) -> Iterator[Contain]:
    """``contain(script, image=, **settings)``: a pilot whose payload is a shell script in a container."""
    flying: list[Pilot] = []

    def contain(script: str, *, container: Path = image, **settings: str) -> Pilot:
        options = {
            "container.image": str(container), "command.container": str(container),
            "command.command": "sh", "command.arguments": f"-c '{script}'",
        }  # fmt: skip
        place = tmp_path / f"node{len(flying)}"
        place.mkdir()
        path = f"{program.parent}:{os.environ['PATH']}"
        pilot = Pilot(place, built("command", options=options, settings=settings), path=path)
        flying.append(pilot)
        return pilot

    yield contain
    for pilot in flying:
        pilot.stop()


def test_the_payload_runs_inside_and_its_end_is_told(contain: Contain) -> None:
    ended = contain("cat /etc/apf-image; echo; touch $APF_SCRATCH/mine; ls /usr; exit 3").end(PATIENCE)
    assert INSIDE in ended.output and "/usr: No such file" in ended.errors
    assert (ended.code, ended.summary["reason"], ended.results()["container"]) == (20, "exit-code-3", "ok")
    assert ended.facts["apptainer_version"].startswith("apptainer version 1.")
    assert (ended.facts["container"], ended.facts["userns"]) == ("yes", "yes")
    assert ended.summary["payload"]["failed"] == 1  # what it wrote for us came out


def test_a_signal_reaches_what_runs_inside(contain: Contain) -> None:
    script = 'trap "echo got it; exit 0" TERM; echo up; while true; do sleep 0.1; done'
    pilot = contain(script, APF_GRACE="60")
    until(lambda: "up\n" in pilot.output, "the payload runs", every=0.2)
    pilot.process.send_signal(signal.SIGTERM)
    ended = pilot.end(PATIENCE)
    assert (ended.code, ended.summary["outcome"]) == (143, "cut") and "got it" in ended.output


def test_an_image_that_cannot_run_is_found_before_the_payload(contain: Contain, tmp_path: Path) -> None:
    """What runs and says nothing, and what does not run at all, are told by what comes out of it."""
    for container in (tmp_path / "nothing-there", tmp_path):
        ended = contain("echo never", container=container).end(PATIENCE)
        assert (ended.code, ended.summary["reason"], ended.summary["owner"]) == (18, "container", "site")
        assert f"cannot run {container}" in ended.reason("container") and "\nnever" not in ended.output
