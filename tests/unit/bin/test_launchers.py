"""What starts from a checkout: bin/autopyfactory, and the tools of 2.4 under their old names."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from patience import PATIENCE

BIN = Path(__file__).parents[3] / "bin"
TOOLS = sorted(p.name for p in BIN.iterdir() if p.is_symlink())

# Of autopyfactory-tools and the scripts of 2.4 that people ran by hand.
OLD = {
    "apf-agis-config",
    "apf-calc-isfull.py",
    "apf-check-old-pilots",
    "apf-cleanlogs",
    "apf-condor-q",
    "apf-condor-status",
    "apf-kill-pilots",
    "apf-monstale",
    "apf-print-qconf.sh",
    "apf-queue-jobs-by-status.sh",
    "apf-queue-status",
    "apf-reverse-logstree",
    "apf-search-failed",
    "apf-simulate-scheds",
    "apf-test-pandaclient",
    "autopyfactory_version",
    "makeagisconfigs.sh",
    "proxymanager",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose `autopyfactory` prints the folder it is in and its words; `bin/setup` makes it."""
    bin_ = tmp_path / "a checkout/bin"
    shutil.copytree(BIN, bin_, symlinks=True)
    (bin_ / "setup").write_text(
        '#!/bin/sh\nset -eu\necho setting up\ncd "$(dirname "$0")/.."\nmkdir -p .venv/bin\n'
        'printf \'#!/bin/sh\\npwd\\nfor w in "$@"; do echo "<$w>"; done\\n\' > .venv/bin/autopyfactory\n'
        "chmod +x .venv/bin/autopyfactory\n"
    )
    return tmp_path / "a checkout"


def run(program: Path, *words: str, cwd: Path | str = "/") -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=PATIENCE, cwd=cwd)


def test_it_runs_where_it_is_called_and_sets_up_once(checkout: Path, tmp_path: Path) -> None:
    first = run(checkout / "bin/autopyfactory", "check", "--conf", "a b")
    assert (first.returncode, first.stdout) == (0, "/\n<check>\n<--conf>\n<a b>\n")
    assert first.stderr == "setting up\n"
    (tmp_path / "elsewhere").symlink_to(checkout / "bin/autopyfactory")
    again = run(tmp_path / "elsewhere", cwd=tmp_path)
    assert (again.stdout, again.stderr) == (f"{tmp_path}\n", "")


@pytest.mark.parametrize(
    ("call", "today"),
    [
        ("autopyfactory_version", "--version"),
        ("apf-queue-status", "status"),
        ("apf-queue-status -N -L -H", "status --longest"),
        ("apf-queue-status --conf f", "status --conf f"),
        ("apf-queue-jobs-by-status.sh", "status"),
        ("apf-calc-isfull.py -H", "status --longest"),
        ("apf-condor-q -H", "pilots"),
        ("apf-check-old-pilots", "pilots --state running --old 8d"),
        ("apf-kill-pilots --queue Q --status 1", "pilots kill --queue Q --state idle"),
        ("apf-kill-pilots --status=2 --queue Q", "pilots kill --state=running --queue Q"),
        ("apf-simulate-scheds --conf f --activated 3", "simulate --conf f --activated 3"),
        ("proxymanager -d --conf=/p -L /l", "credentials keep --profiles /p --log /l"),
    ],
)
def test_a_tool_of_2_4_does_it_by_todays_command(checkout: Path, call: str, today: str) -> None:
    name, *words = call.split()
    done = run(checkout / "bin" / name, *words)
    assert (done.returncode, done.stdout.split()[1:]) == (0, [f"<{w}>" for w in today.split()])


@pytest.mark.parametrize(
    "call", ["apf-kill-pilots --queue Q --status 9", "apf-kill-pilots --status=x --queue Q"]
)
def test_a_state_that_is_none_removes_nothing(checkout: Path, call: str) -> None:
    name, *words = call.split()
    done = run(checkout / "bin" / name, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such JobStatus" in done.stderr


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_does_or_names_todays_command(checkout: Path, name: str) -> None:
    done = run(checkout / "bin" / name)
    if done.returncode == 0:
        assert done.stdout.count("\n") > 1
    else:
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"{name}: ")


def test_no_tool_of_2_4_is_forgotten() -> None:
    assert set(TOOLS) >= OLD
    assert all(os.readlink(BIN / name) == "from-2.4" for name in TOOLS)
