"""The README's first command, end to end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "misc/demo"


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["real", "local"])
def test_all_jobs_are_done_and_all_pilots_gone(kind: str) -> None:
    options = ["--jobs", "16", "--limit", "300", *(["--local"] if kind == "local" else [])]
    done = subprocess.run(
        [sys.executable, DEMO, *options], capture_output=True, text=True, timeout=380, check=False
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "16 of 16 jobs done" in done.stdout
    assert "the factory ended with code 0" in done.stdout
