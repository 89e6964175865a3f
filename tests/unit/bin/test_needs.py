"""What bin/test does where programs that the tests use are missing: root installs them, others are told."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

BIN = Path(__file__).parents[3] / "bin"
SOME = {"mksh", "busybox", "curl", "openssh-client"}  # of bare machines; none is in sbin
NOBODY, ROOT = 1000, 0


@dataclass
class Machine:
    """A checkout whose tests and package manager only write down what they were asked."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "path"

    def program(self, name: str, text: str) -> None:
        """Put a script on the path."""
        file = self.path / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def test(self, *words: str, uid: int, path: str = "") -> subprocess.CompletedProcess[str]:
        """Run bin/test as the user `uid`, as far as it can tell, with more of `path` behind its own."""
        self.program("id", f"echo {uid}")
        return subprocess.run(
            [self.folder / "bin/test", *words], capture_output=True, text=True, timeout=60,
            env={"PATH": f"{self.path}:{path}".rstrip(":")},
        )  # fmt: skip

    @property
    def asked(self) -> list[str]:
        """What the package manager and Python were asked, in order."""
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    shutil.copytree(BIN, tmp_path / "bin", symlinks=True)
    (tmp_path / "bin/as-user").write_text('#!/bin/sh\nexec "$@"\n')
    for folder in (made.path, tmp_path / ".venv/bin"):
        folder.mkdir(parents=True)
    for name in ("dirname", "ls"):
        (made.path / name).symlink_to(shutil.which(name) or "")
    for name in ("apt-get", "../.venv/bin/python"):
        made.program(name, f'echo "{Path(name).name} $*" >> {tmp_path}/log')
    return made


def test_nobody_is_told_in_one_line_and_no_test_runs(machine: Machine) -> None:
    done = machine.test(uid=NOBODY)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    command = line.partition("apt install ")[2].split()
    assert set(command) > SOME and len(command) == len(set(command))
    assert "rpm" not in command, "that is for the tests of root alone"
    assert machine.asked == []


def test_root_installs_all_of_it_at_once_and_goes_on(machine: Machine) -> None:
    done = machine.test("tests/unit", uid=ROOT)
    assert done.returncode == 0, done.stderr
    update, install, build, *tests = machine.asked
    assert update.startswith("apt-get ") and update.endswith(" update")
    assert {*SOME, "rpm"} < set(install.split()) and " install " in install
    assert build == "python misc/testbed build"
    assert [line.split()[-1] for line in tests] == ["tests/unit"] * 2


def test_what_cannot_be_installed_ends_it(machine: Machine) -> None:
    machine.program("apt-get", "echo no such mirror >&2; exit 100")
    done = machine.test(uid=ROOT)
    assert done.returncode == 100 and "no such mirror" in done.stderr
    assert machine.asked == []


def test_where_all_is_there_nothing_is_installed(machine: Machine) -> None:
    """As here: these tests run where bin/test has installed what is missing, or has told what to install."""
    done = machine.test(uid=NOBODY, path=os.environ["PATH"])
    assert done.returncode == 0, done.stderr
    assert machine.asked and not [line for line in machine.asked if line.startswith("apt-get")]
