"""A question asked beside the work: its answer comes, or nothing does, and nobody waits for it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from patience import PATIENCE, SOON

# In a process without other threads, as it is in the child process.
PROGRAM = """
import os, sys, time
from autopyfactory.condor.errand import Errand

def wait(condition):
    end = time.monotonic() + {patience}
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)

def children():
    with open(f"/proc/self/task/{{os.getpid()}}/children") as file:
        return file.read().split()

{body}
assert not children(), children()
print("well")
"""


def run(body: str) -> None:
    program = PROGRAM.format(patience=PATIENCE, body=body)
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE)
    assert (done.stdout, done.stderr) == ("well\n", "")


def test_an_answer_comes_once_whole_and_without_a_trace() -> None:
    run("""
def ask():
    print("a library's word")
    os.write(2, b"another")
    return "x" * 200_000 + "é"

errand = Errand(ask)
assert errand.answer() == "" and errand.age > 1e9
for _ in range(3):
    errand.begin()
    heard = []
    wait(lambda: heard.append(errand.answer()) or heard[-1])
    assert heard[-1] == "x" * 200_000 + "é" and not any(heard[:-1])
    assert errand.answer() == ""
""")


@pytest.mark.parametrize("ask", ["1 / 0", "sys.exit('bad')", "os._exit(3)", "os.kill(os.getpid(), 9)", "''"])
def test_no_answer_is_nothing(ask: str) -> None:
    run(f"""
errand = Errand(lambda: {ask})
errand.begin()
wait(lambda: errand.answer() or not errand._pid)
assert errand.answer() == ""
""")


def test_whoever_hangs_keeps_nobody_waiting_and_is_given_up_for_the_next() -> None:
    began = f"""
tries = iter([lambda: time.sleep(1000), lambda: "second"])
errand = Errand(lambda: now())
now = next(tries)
began = time.monotonic()
errand.begin()
assert errand.answer() == "" and len(children()) == 1
now = next(tries)
errand.begin()
assert time.monotonic() - began < {SOON}
heard = []
wait(lambda: heard.append(errand.answer()) or heard[-1])
assert heard[-1] == "second"
"""
    run(began)


def test_it_ends_with_whoever_sent_it() -> None:
    reader, writer = os.pipe()
    program = """
import os, sys, time
from autopyfactory.condor.errand import Errand
Errand(lambda: time.sleep(1000)).begin()
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], pass_fds=[writer], timeout=PATIENCE)
    os.close(writer)
    assert os.read(reader, 1) == b"", "nobody has the pipe any more"
    os.close(reader)


def test_it_has_not_what_is_not_its_own() -> None:
    run("""
mine, theirs = os.pipe()
inode = os.fstat(theirs).st_ino

def ask():
    return str(os.fstat(theirs).st_ino == inode)

errand = Errand(ask, [theirs])
errand.begin()
heard = []
wait(lambda: heard.append(errand.answer()) or heard[-1])
assert heard[-1] == "False"
""")
