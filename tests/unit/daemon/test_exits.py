"""The exit code is what the daemon says, whatever became of its output."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(("ending", "code"), [("", 120), ("drop_what_is_stuck(); ", 3)])
def test_output_that_nobody_takes_does_not_change_the_exit_code(stream: str, ending: str, code: int) -> None:
    program = (
        "import sys; from autopyfactory.daemon.exits import drop_what_is_stuck; "
        f"sys.{stream}.write('lost'); {ending}sys.exit(3)"
    )
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-c", program], stdout=full, stderr=full, env=BUFFERED)
    assert done.returncode == code
