import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from autopyfactory.daemon.children import descendants, end_descendants
from autopyfactory.plugins.processes import TAG, pilots
from patience import PATIENCE, until

# A child that starts a child of its own, tells its number, and lives on; with "stubborn" both ignore TERM.
FAMILY = """
import signal, subprocess, sys, time
if "stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
print(child.pid, flush=True)
time.sleep(1000)
"""


class Family:
    def __init__(self, *words: str, **environment: str):
        self.parent = subprocess.Popen(
            [sys.executable, "-c", FAMILY, *words],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        assert self.parent.stdout is not None
        self.child = int(self.parent.stdout.readline())

    @property
    def pids(self) -> set[int]:
        return {self.parent.pid, self.child}

    def end(self) -> None:
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended
                os.kill(pid, 9)
        self.parent.communicate()


@pytest.fixture
def families() -> Iterator[list[Family]]:
    made: list[Family] = []
    yield made
    for family in made:
        family.end()


def found() -> set[int]:
    return {p.pid for p in descendants()}


def test_children_and_theirs_are_found_pilots_and_theirs_are_not(families: list[Family]) -> None:
    families += [Family(), Family(**{TAG: "tag", "APFFID": "f", "FACTORYQUEUE": "q", "APFCID": "1.0"})]
    plain, pilot = families
    assert plain.pids <= found()
    assert not pilot.pids & found()
    (seen,) = [p for p in pilots() if p.pid in pilot.pids]  # what the pilot started is no pilot
    assert (seen.pid, seen.tag, seen.factory, seen.queue, seen.cid) == (
        pilot.parent.pid,
        "tag",
        "f",
        "q",
        "1.0",
    )


def test_those_that_do_not_end_are_ended(families: list[Family]) -> None:
    families += [Family("stubborn"), Family(**{TAG: "tag"})]
    stubborn, pilot = families
    assert stubborn.pids <= set(end_descendants(0.3))
    assert stubborn.parent.wait(PATIENCE) == -9
    until(lambda: not stubborn.pids & found(), "the end of both, who were killed")
    assert pilot.parent.poll() is None


def test_what_has_ended_and_is_not_collected_is_no_descendant(families: list[Family]) -> None:
    families.append(Family())
    (family,) = families
    os.kill(family.parent.pid, 9)
    os.waitid(os.P_PID, family.parent.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert family.parent.pid not in found()
