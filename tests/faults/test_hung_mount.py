"""A pilot on a node whose file system has stopped answering: what looks there is in state D, and stays."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.wrapper.modules import FOLDERS
from hungmount import HungMount
from patience import PATIENCE, until
from pilotkit import SHELLS, Pilot, built
from wrapperkit import processes_of

pytestmark = pytest.mark.root  # who mounts


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[HungMount]:
    place = tmp_path / "hung"
    place.mkdir()
    with HungMount(place) as it:
        yield it


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def test_what_looks_at_it_cannot_be_killed(hung: HungMount) -> None:
    """Else the tests below would show nothing."""
    looks = subprocess.Popen(["ls", str(hung.place)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: hung.asked, "the question")
    looks.kill()
    until(lambda: state(looks.pid) == "D", "state D")
    with pytest.raises(subprocess.TimeoutExpired):
        looks.wait(1)


@pytest.mark.parametrize("shell", list(SHELLS))
def test_a_pilot_goes_on_and_tells(hung: HungMount, tmp_path: Path, shell: str) -> None:
    """Home, places to work and a repository are on it: the pilot works elsewhere, and the payload runs."""
    check = tmp_path / "cvmfs.sh"
    text = (FOLDERS["check"] / "cvmfs.sh").read_text()
    check.write_text(text.replace("# deadline: 25", "# deadline: 9").replace("tick + 2000", "tick + 200"))
    place = str(hung.place)
    options = {
        "cvmfs.repositories": "x.cern.ch", "cvmfs.mount": place, "command.command": "sh",
        "command.arguments": "-c 'echo HOME is $HOME, TMPDIR is $TMPDIR; test -w $HOME && test -w $TMPDIR'",
    }  # fmt: skip
    node = tmp_path / "node"
    node.mkdir()
    wrapper = built("command", checks=("tmp", "disk", "ulimit", f"cvmfs={check}"), options=options)
    began = time.monotonic()
    hangs = {"HOME": place, "TMPDIR": place, "_CONDOR_SCRATCH_DIR": place}
    if shell == "mksh":
        del hangs["TMPDIR"]  # which this shell itself looks at, before it reads its first line
    pilot = Pilot(node, wrapper, shell=shell, **hangs)
    try:
        ended = pilot.end(PATIENCE, clean=False)
    finally:
        for pid in processes_of(pilot.folder):
            os.kill(pid, signal.SIGKILL)
    assert ended.code == 0, ended.output + ended.errors
    assert time.monotonic() - began < PATIENCE
    assert ended.results()["cvmfs"] == "fatal" and "x.cern.ch hangs" in ended.reason("cvmfs")
    assert ended.results()["tmp"] == ("hung" if "TMPDIR" in hangs else "ok")
    assert (ended.results()["scratch"], ended.facts["scratch"]) == ("ok", str(pilot.folder))
    assert set(pilot.folder.iterdir()) == pilot.given  # all that it made is removed
    [said] = [line for line in ended.output.splitlines() if line.startswith("HOME is ")]
    assert place not in said
