"""Pilots as processes: which process is a pilot, and which is only what one has left behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from autopyfactory.plugins.processes import TAG, PilotProcess, Register, began, pilots
from patience import until

# the process table is everybody's, also that of other workers
NAME = f"processes-of-a-test-{os.getpid()}"
CID = f"{os.getpid()}.0"


@pytest.fixture
def pilot() -> Iterator[subprocess.Popen[bytes]]:
    """A pilot that has started a process with a session of its own; it ends when its input does."""
    env = {**os.environ, TAG: "t", "APFFID": NAME, "FACTORYQUEUE": "q", "APFCID": CID}
    left = "setsid sleep 600 </dev/null >/dev/null 2>&1 &"
    child = subprocess.Popen(
        ["/bin/sh", "-c", f"{left} read x"], env=env, stdin=subprocess.PIPE, start_new_session=True
    )
    until(lambda: len(mine()) == 2, "the pilot and its child")
    yield child
    for one in mine():
        os.kill(one.pid, 9)
    child.wait()


def mine() -> list[PilotProcess]:
    return [p for p in pilots() if p.factory == NAME]


def found(register: Register) -> list[int]:
    return [p.pid for p in register.sorted_out(mine())]


def end(pilot: subprocess.Popen[bytes]) -> None:
    assert pilot.stdin is not None
    pilot.stdin.close()
    pilot.wait()


@pytest.mark.parametrize("written", ["by who started it", "by who finds it", "not to its end"])
def test_what_a_pilot_leaves_behind_is_no_pilot(
    pilot: subprocess.Popen[bytes], tmp_path: Path, written: str
) -> None:
    register = Register(str(tmp_path))
    if written == "by who started it":
        register.note(CID, pilot.pid)
    if written == "not to its end":
        (tmp_path / "exec").mkdir()
        (tmp_path / "exec" / CID).write_text("17")
    assert found(register) == [pilot.pid]
    end(pilot)
    register.tidy()
    (left,) = mine()
    assert found(register) == [], "the register is kept while something carries the name"
    os.kill(left.pid, 9)
    until(lambda: not mine(), "its end")
    register.tidy()
    assert list((tmp_path / "exec").iterdir()) == []


def test_the_same_number_later_is_another_process(pilot: subprocess.Popen[bytes], tmp_path: Path) -> None:
    register = Register(str(tmp_path))
    register.note(CID, pilot.pid)
    (tmp_path / "exec" / CID).write_text(f"{pilot.pid} 1\n")
    assert found(register) == []


def test_what_others_call_themselves_is_no_path(tmp_path: Path) -> None:
    register = Register(str(tmp_path))
    one = PilotProcess(os.getpid(), NAME, "q", "../../7.0", "t")
    assert register.sorted_out([one]) == [one]
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_is_not_there() -> None:
    assert began(os.getpid())
    assert began(2**22 + 5) == ""
