"""`bin/progress` ends as its command does, and shows what that said only when it failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from patience import PATIENCE

PROGRAM = Path(__file__).parents[3] / "bin/progress"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, "step", *command],
        capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False,
    )  # fmt: skip


def test_all_is_well() -> None:
    done = run("sh", "-c", "echo working; echo odd >&2")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("step: ")
    assert "working" not in done.stderr


@pytest.mark.parametrize(("end", "code"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_a_failure_shows_everything_and_is_passed_on(end: str, code: int) -> None:
    done = run("sh", "-c", f"echo first; echo why it fails >&2; printf '\\377\\n'; {end}")
    assert done.returncode == code
    assert "first\nwhy it fails\n" in done.stderr


def test_a_command_that_is_not_there() -> None:
    done = run("no-such-command")
    assert done.returncode == 127
    assert "no-such-command" in done.stderr
