import os
import time

import pytest

from autopyfactory.model.info import WMSQueueInfo
from autopyfactory.plugins.base import SourceError
from autopyfactory.plugins.wmsstatus.file import File
from servers.context import context
from servers.sources import bound


def file_source(path, queue="A", **texts):
    return bound(File, context(wmsqueue=queue), wmsstatus__file__path=str(path), **texts)


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
