"""The README's first command, end to end."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "misc/demo"


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", ["real", "local"])
def test_all_jobs_are_done_and_all_pilots_gone(kind: str) -> None:
    options = ["--jobs", "16", "--limit", "600", *(["--local"] if kind == "local" else [])]
    done = subprocess.run(
        [sys.executable, DEMO, *options], capture_output=True, text=True, timeout=900, check=False
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0
    assert "16 of 16 jobs done" in done.stdout
    assert "the factory ended with code 0" in done.stdout
    assert re.search(r"^\[(\d)/\1\] starting the factory", done.stdout, re.MULTILINE), "it told its steps"
    _agree(done.stdout)


def _agree(text: str) -> None:
    """Each line adds up, nothing that only grows shrinks, and the last lines say what the sum says."""
    lines = re.findall(
        r"^ *(\d+) s +(\d+) of (\d+) jobs done, (\d+) running, (\d+) waiting$", text, re.MULTILINE
    )
    numbers = [tuple(map(int, line)) for line in lines]
    assert all(done + running + waiting == jobs == 16 for _, done, jobs, running, waiting in numbers)
    assert [n[:2] for n in numbers] == sorted(n[:2] for n in numbers)
    sent = dict(re.findall(r"^ +(\S+) +ready .* sent +(\d+) ", text, re.MULTILINE))  # the last of each
    (total,) = re.findall(r"(\d+) pilots sent", text)
    assert sum(map(int, sent.values())) == int(total)
    (first,) = re.findall(r"first payload finished: (\d+) s after the jobs came", text)
    assert int(first) <= numbers[-1][0]
    assert all(done == 0 for seconds, done, *_ in numbers if seconds < int(first) - 1)
