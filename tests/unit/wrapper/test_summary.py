"""One golden summary line: what the shell writes, and what Python reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import autopyfactory
import pilotkit
from autopyfactory.wrapper.summary import Check, Summary, read, summary
from patience import PATIENCE

DATA = Path(__file__).parents[2] / "data/wrapper"
GOLDEN = (DATA / "summary.golden").read_text()


@pytest.mark.parametrize("shell", list(pilotkit.SHELLS))
def test_the_shell_writes_the_golden_line(tmp_path: Path, shell: str) -> None:
    script = Path(autopyfactory.__file__).parent / "wrapper/lib/summary.sh"
    program = pilotkit.shell_folder(tmp_path, shell) / "sh"
    arguments = [str(program), str(script), str(DATA / "state"), str(DATA / "facts")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert (done.stdout, done.stderr) == (GOLDEN, "")


@pytest.mark.parametrize("awk", ["mawk", "gawk", "busybox awk"])
def test_every_awk_writes_the_golden_line(tmp_path: Path, awk: str) -> None:
    place = tmp_path / "awk"
    place.write_text(f'#!/bin/sh\nexec {awk} "$@"\n')
    place.chmod(0o755)
    script = Path(autopyfactory.__file__).parent / "wrapper/lib/summary.sh"
    arguments = ["sh", str(script), str(DATA / "state"), str(DATA / "facts")]
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        arguments, capture_output=True, text=True, check=True, timeout=PATIENCE, env={"PATH": path}
    )
    assert done.stdout == GOLDEN


def test_python_reads_the_golden_line() -> None:
    assert summary(f"noise\n{GOLDEN}") == Summary(
        exit=20,
        reason="exit-code-7",
        outcome="failed",
        host="node7.example.org",
        wrapper="0123456789ab",
        wall=62,
        payload="command",
        payloads=1,
        failed=1,
        checks=(
            Check("self", "ok"),
            Check("scratch", "ok", 0.21),
            Check("clock", "limited", 0.04, "the clock is 17 s off"),
            Check("cvmfs", "hung", 25.01, "no end after 25 s"),
            Check("mine", "broken", 0.01, 'line 3: \\x: "not found" / gone'),
        ),
        facts={
            "cores": "8",
            "cores_from": "cgroup",
            "load": "1.56",
            "os": 'Caf?? "Linux" \\ 9',
            "serial": "007",
        },
    )


@pytest.mark.parametrize("cut", range(0, len(GOLDEN) - 1, 37))
def test_a_line_that_was_cut_says_nothing(cut: int) -> None:
    assert summary(GOLDEN[:cut]) is None
    assert summary(GOLDEN[cut + 1 :]) is None


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "[]",
        '{"schema":0}',
        '{"schema":"1"}',
        '{"schema":1',
        "[" * 5000,
        '{"schema":' + "[" * 3000 + "]" * 3000 + "}",
    ],
)
def test_what_is_no_summary(line: str) -> None:
    assert summary(f"APF-SUMMARY {line}\n") is None


def test_what_is_odd_in_a_summary_is_left_out() -> None:
    odd = {
        "schema": 2, "exit": "0", "reason": "a\nb\x1b[31m", "outcome": 7, "host": ["x"], "wall": -1,
        "hold": 1e9, "payload": {"total": True, "ok": 10**40, "name": "y" * 9999},
        "checks": [1, {"name": {}}, "x"], "facts": [],
    }  # fmt: skip
    found = summary(f"APF-SUMMARY {json.dumps(odd)}\r\n")
    assert found is not None
    assert (found.exit, found.reason, found.host, found.wall, found.hold) == (0, "a?b?[31m", "", 0, 0)
    assert (found.payloads, found.ok, len(found.payload)) == (None, 0, 200)
    assert found.checks == (Check("", ""),) and found.facts == {}


def test_the_last_whole_line_counts(tmp_path: Path) -> None:
    output = tmp_path / "1.out"
    first, last = (json.dumps({"schema": 1, "exit": 0, "payload": {"total": n}}) for n in (3, 0))
    output.write_text(f"APF-SUMMARY {first}\n" + "x" * 100_000 + f"\nAPF-SUMMARY {last}\ntail\n")
    found = summary(read(output) or "")
    assert found is not None and found.payloads == 0


def test_who_is_to_blame() -> None:
    text = (
        '{"schema":1,"exit":18,"outcome":"unfit","reason":"cvmfs","owner":"site","checks":'
        '[{"name":"gpu","result":"fatal"},{"name":"cvmfs","result":"hung","reason":"atlas.cern.ch hangs"}]}'
    )
    found = summary(f"APF-SUMMARY {text}\n")
    assert found is not None and found.culprit == Check("cvmfs", "hung", 0.0, "atlas.cern.ch hangs")
    assert not found.empty
