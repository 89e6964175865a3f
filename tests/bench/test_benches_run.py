"""The benchmarks run, on a real pool; how fast is for people to look at."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TABLES = {
    "status": "Batch status refresh",
    "endings": "Endings",
    "cycle": "One cycle of 40 queues",
    "submit": "Submission",
    "isolation": "A schedd beside one that hangs",
    "memory": "Memory of 20 queues",
    "month": "Day 30 against day 20",
    "web": "Cycles beside browsers",
}


@pytest.mark.parametrize("name", TABLES)
def test_a_benchmark_runs_in_its_quick_mode(name: str) -> None:
    done = subprocess.run(
        [sys.executable, HERE / f"bench_{name}.py", "--quick"],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert TABLES[name] in done.stdout
    assert "goal" in done.stdout
