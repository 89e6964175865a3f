import os
import shlex
import sys
import time

import pytest

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.command import Command
from autopyfactory.plugins.wmsstatus.counts import parse
from autopyfactory.plugins.wmsstatus.file import File
from servers.context import context
from servers.sources import bound


def file_source(path, queue="A", **texts):
    return bound(File, context(wmsqueue=queue), wmsstatus__file__path=str(path), **texts)


def command_source(*args, queue="A", **texts):
    command = shlex.join([sys.executable, "-c", *args])
    return bound(Command, context(wmsqueue=queue), wmsstatus__command__command=command, **texts)


@pytest.mark.parametrize(
    "text",
    [
        '{"A": {"ready": 3, "running": 2}, "B": {"ready": 0}}',
        "# by a cron job\nA ready 3\nA running 2\n\nB ready 0\n",
    ],
)
def test_both_forms_say_the_same(tmp_path, text):
    (tmp_path / "f").write_text(text)
    source = file_source(tmp_path / "f")
    status = source.fetch()
    assert status.queues == {"A": WMSQueueInfo(ready=3, running=2), "B": WMSQueueInfo()}
    assert source.queue_info(status) == WMSQueueInfo(ready=3, running=2)


def test_a_number_alone_is_ready_work_and_names_may_be_anything(tmp_path):
    (tmp_path / "f").write_text('{"Zürich ☂ 1": 4}')
    assert file_source(tmp_path / "f").fetch().queues == {"Zürich ☂ 1": WMSQueueInfo(ready=4)}
    (tmp_path / "f").write_text("Zürich ☂ 1 ready 4")
    assert file_source(tmp_path / "f").fetch().queues == {"Zürich ☂ 1": WMSQueueInfo(ready=4)}


def test_statuses_are_mapped_as_the_queue_says(tmp_path):
    (tmp_path / "f").write_text("A Q 3\nA H 1\nA R 2")
    texts = {"wmsstatus.file.status.Q": "ready", "wmsstatus.file.status.H": "notready"}
    status = file_source(tmp_path / "f", **texts).fetch()
    assert status.queues["A"] == WMSQueueInfo(ready=3, notready=1, unknown=2)


def test_absent_is_unknown_unless_it_is_said_to_be_zero(tmp_path):
    (tmp_path / "f").write_text("{}")
    source = file_source(tmp_path / "f")
    assert source.queue_info(source.fetch()) is None
    source = file_source(tmp_path / "f", wmsstatus__file__absent="zero")
    assert source.queue_info(source.fetch()) == WMSQueueInfo()


def test_age_of_the_file_counts(tmp_path):
    path = tmp_path / "f"
    path.write_text("A ready 3")
    assert file_source(path).fetch().lag < 10
    os.utime(path, (time.time() - 100,) * 2)
    assert 99 < file_source(path).fetch().lag < 110
    os.utime(path, (time.time() - 400,) * 2)
    with pytest.raises(SourceError, match=r"written 40\d s ago \(maxage 360\)"):
        file_source(path).fetch()
    os.utime(path, (time.time() + 4000,) * 2)
    with pytest.raises(SourceError, match="in the future"):
        file_source(path).fetch()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing in it"),
        ("# only this\n", "nothing but comments"),
        ("<html>Sorry</html>", "not `queue status number`"),
        ("{'A': 3}", "text form of a Python object"),
        ('{"A": {"ready": 3', "breaks off"),
        ('{"A": {"ready": -3}}', "negative"),
        ("A ready -3", "not `queue status number`"),
        ("A ready 3.5", "not `queue status number`"),
        ("A ready ٣٣", "not `queue status number`"),
        ('{"A": {"ready": 1e99}}', "impossible"),
        ('{"A": {"ready": 3}, "A": {"ready": 4}}', "twice"),
        ("A ready 3\nA ready 4\n", "there twice"),
        ("[1, 2]", "not an object"),
        ('{"A": null}', "is not a number"),
    ],
)
def test_what_is_not_understood_is_no_answer(tmp_path, text, told):
    (tmp_path / "f").write_text(text)
    with pytest.raises(SourceError, match=told):
        file_source(tmp_path / "f").fetch()


def test_missing_file_folder_pipe_and_giant_are_no_answer(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        file_source(tmp_path / "f").fetch()
    with pytest.raises(SourceError, match=r"not a plain file|directory"):
        file_source(tmp_path).fetch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError, match="not a plain file"):
        file_source(tmp_path / "pipe").fetch()
    with open(tmp_path / "giant", "wb") as giant:
        giant.truncate(100_000_000)
    with pytest.raises(SourceError, match="more than"):
        file_source(tmp_path / "giant").fetch()


def test_many_queues_are_read_at_once(tmp_path):
    text = "".join(f"Q{i} ready {i}\nQ{i} running 1\n" for i in range(10_000))
    assert parse(text)["Q9999"] == {"ready": 9999, "running": 1}


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
        ("import time; print('A ready 1', flush=True); time.sleep(60)", "did not end within 0.5 s"),
        ("while True: print('x' * 100000)", "more than|did not end"),
    ],
)
def test_a_command_that_fails_is_no_answer(code, told):
    started = time.monotonic()
    with pytest.raises(SourceError, match=told):
        command_source(code, wmsstatus__command__timeout="0.5").fetch()
    assert time.monotonic() - started < 2


def test_missing_command_is_no_answer():
    with pytest.raises(SourceError, match="No such file"):
        bound(Command, context(wmsqueue="A"), wmsstatus__command__command="/nowhere/x -y").fetch()


def test_children_of_the_command_end_with_it(tmp_path):
    """A child in the background neither delays the answer nor outlives it."""
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(p.pid)); print('A ready 1')"
    )
    started = time.monotonic()
    assert command_source(code).fetch().queues["A"].ready == 1
    assert time.monotonic() - started < 5
    child = int((tmp_path / "pid").read_text())
    for _ in range(100):
        try:
            with open(f"/proc/{child}/stat") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    break
        except FileNotFoundError:
            break
        time.sleep(0.02)
    else:
        pytest.fail("the child goes on")
