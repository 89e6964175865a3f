"""The shell code itself: nothing that only some shells know."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import autopyfactory
from patience import PATIENCE

ROOM = Path(autopyfactory.__file__).parent / "wrapper"
SCRIPTS = sorted(ROOM.rglob("*.sh"))
# Variables come from parts that are read together; ulimit's options are asked for, and may be missing.
PASSED = "SC2154,SC2034,SC3045,SC1090,SC1091"


def test_it_is_plain_posix_shell() -> None:
    command = ["shellcheck", "-s", "sh", "-S", "warning", "-e", PASSED, *map(str, SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("shell", ["dash", "bash --posix", "busybox sh", "mksh"])
def test_every_shell_can_read_it(shell: str) -> None:
    for script in SCRIPTS:
        done = subprocess.run(
            [*shell.split(), "-n", str(script)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{script}: {done.stderr}"


@pytest.mark.parametrize("script", [s for s in SCRIPTS if s.parent != ROOM], ids=lambda s: s.stem)
def test_it_uses_nothing_that_nodes_lack(script: Path) -> None:
    """What `docs/wrapper.md` says about portable scripts, as far as a look at the text can tell."""
    code = "\n".join(line for line in script.read_text().splitlines() if not line.lstrip().startswith("#"))
    for word in (
        "[[ ",
        "mktemp --tmpdir",
        "date -d",
        "%N",
        "readlink -f",
        "stat -c",
        "sed -i",
        "grep -P",
        "nproc)",
    ):
        assert word not in code, f"{script.name} uses {word}"
