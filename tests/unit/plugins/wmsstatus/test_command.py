"""A program that tells what work there is."""

import shlex
import sys
import time

import pytest

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.command import Command
from daemonkit.bench import alive
from patience import PATIENCE, SOON, until
from servers.context import context
from servers.sources import bound


def command_source(*args, queue="A", **texts):
    command = shlex.join([sys.executable, "-c", *args])
    return bound(Command, context(wmsqueue=queue), wmsstatus__command__command=command, **texts)


def test_command_is_run_without_a_shell():
    source = command_source("import sys; print('A ready', len(sys.argv))", "$HOME;`id`")
    assert source.fetch().queues == {"A": WMSQueueInfo(ready=2)}
    assert "HOME" not in source.label  # arguments may be secret


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import sys; print('A ready 3'); sys.exit('no database')", "ended with code 1: no database"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("print('Segmentation fault')", "not `queue status number`"),
        ("pass", "nothing in it"),
        ("import time; print('A ready 1', flush=True); time.sleep(600)", "did not end within 2 s"),
        ("while True: print('x' * 100000)", "more than"),
    ],
)
def test_a_command_that_fails_is_no_answer(code, told):
    timeout = "2" if "2 s" in told else str(PATIENCE)
    started = time.monotonic()
    with pytest.raises(SourceError, match=told):
        command_source(code, wmsstatus__command__timeout=timeout).fetch()
    assert time.monotonic() - started < SOON


def test_missing_command_is_no_answer():
    with pytest.raises(SourceError, match="No such file"):
        bound(Command, context(wmsqueue="A"), wmsstatus__command__command="/nowhere/x -y").fetch()


def test_children_of_the_command_end_with_it(tmp_path):
    """A child in the background neither delays the answer nor outlives it."""
    code = (
        "import subprocess; p = subprocess.Popen(['sleep', '600']);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); print('A ready 1')"
    )
    started = time.monotonic()
    assert command_source(code).fetch().queues["A"].ready == 1
    assert time.monotonic() - started < SOON
    child = int((tmp_path / "pid").read_text())
    until(lambda: not alive(child), "the child's end")
