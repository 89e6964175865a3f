"""Files of logs: their names, how few are open, and what happens when one cannot be written."""

import os
from pathlib import Path

import pytest

from autopyfactory.logs.files import Complaints, LogFile, QueueFilesHandler, warning
from autopyfactory.logs.lines import Lines
from autopyfactory.logs.setup import QUEUE_PREFIX, LineFormatter
from autopyfactory.model.queuefolder import queue_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize(
    ("queue", "name"),
    [
        ("BNL_PROD-gw1", "BNL_PROD-gw1"),
        ("a/b:c", "a_b_c"),
        ("..", "_."),
        (".", "_"),
        ("", "_"),
        ("../../etc/passwd", "_._.._etc_passwd"),
        ("a\nb\x00", "a_b_"),
        ("Zürich", "Zürich"),
    ],
)
def test_names(queue: str, name: str) -> None:
    assert queue_folder(queue) == name


def test_long_names_fit_and_stay_apart() -> None:
    one, two = queue_folder("ü" * 300 + "1"), queue_folder("ü" * 300 + "2")
    assert one != two
    assert len(one.encode()) <= 200


def test_those_used_last_stay_open(folder: Path) -> None:
    handler = QueueFilesHandler(folder, "q.", Complaints(), limit=2)
    for name in ("q.a", "q.b", "q.a", "q.c"):
        handler.emit(warning(name, "x"))
    assert list(handler._files) == ["a", "c"]
    handler.close()


def test_a_line_that_found_half_its_room_does_not_swallow_the_next(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = LogFile(folder / "x.log")
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:3]))
    assert file.write(b"abcdef\n") == 3
    assert file.write(b"gh\n") == 2  # behind the line end that was missing
    monkeypatch.undo()
    assert file.write(b"next\n") == 5
    file.write(b"last\n")
    file.close()
    assert (folder / "x.log").read_bytes() == b"abc\ngh\nnext\nlast\n"


def test_trouble_is_told_once_and_the_gap_is_noted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handler = QueueFilesHandler(folder / "q", "q.", Complaints())
    (folder / "q").write_text("not a folder")
    for _ in range(5):
        handler.emit(warning("q.a", "lost"))
        handler.emit(warning("q.b", "lost"))
    (folder / "q").unlink()
    handler.emit(warning("q.a", "found"))
    handler.close()
    assert capsys.readouterr().err.count("cannot log to") == 1
    lines = (folder / "q" / "a.log").read_text().splitlines()
    assert lines[0] == "found"
    assert lines[1] == "5 lines before the last one are missing: they could not be written"


@pytest.mark.parametrize("room", [0, 9])
def test_how_many_are_missing_is_not_forgotten_when_there_is_no_room_to_say_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    handler = QueueFilesHandler(folder, "q.", Complaints())
    real, rooms = os.write, [0, 4, room]  # for two lines, one that gets in, and the note behind it
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: real(fd, data[: rooms.pop(0)]))
        handler.handle_all([warning("q.a", "1"), warning("q.a", "2")])
        handler.emit(warning("q.a", "now"))
    handler.emit(warning("q.a", "then"))
    handler.close()
    lines = (folder / "a.log").read_text().splitlines()
    assert lines[0] == "now"
    assert lines[-2:] == ["then", "2 lines before the last one are missing: they could not be written"]


def test_lines_that_come_together_are_written_together_and_counted_one_by_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = QueueFilesHandler(folder, "q.", Complaints())
    calls: list[bytes] = []
    real = os.write

    def full(fd: int, data: bytes) -> int:
        calls.append(data)
        return real(fd, data[:5])

    monkeypatch.setattr(os, "write", full)
    handler.handle_all([warning(f"q.{queue}", f"{n}") for n in range(4) for queue in "ab"])
    assert calls == [b"0\n1\n2\n3\n"] * 2
    monkeypatch.undo()
    handler.handle_all([warning("q.a", "now"), warning("q.a", "then")])
    handler.close()
    lines = (folder / "a.log").read_text().splitlines()
    assert lines[:2] == ["0", "1"]
    assert lines[3:] == [
        "now", "2 lines before the last one are missing: they could not be written", "then",
    ]  # fmt: skip


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("room", [0, 3, 10, 15, 30, 41, 49])
def test_lines_of_one_record_are_counted_one_by_one_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch, room: int, together: bool
) -> None:
    texts = [f"{n}" for n in range(6)]
    handler = QueueFilesHandler(folder, QUEUE_PREFIX, Complaints())
    records = [warning(f"{QUEUE_PREFIX}a", text) for text in texts]
    if together:
        records = [warning(f"{QUEUE_PREFIX}a", "") for _ in range(2)]
        for n, record in enumerate(records):
            record.msg = Lines(texts[3 * n : 3 * n + 3])
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:room]))
    handler.setFormatter(LineFormatter(names=False, stamp=False))
    width = len("WARNING 0\n")
    handler.handle_all(records)
    monkeypatch.undo()
    handler.handle_all([records[0], warning(f"{QUEUE_PREFIX}a", "then")])
    handler.close()
    lines = (folder / "a.log").read_text().splitlines()
    written = room // width
    assert lines[:written] == [f"WARNING {n}" for n in range(written)]
    told = [line for line in lines if "missing" in line]
    n = len(texts) - written
    assert told == ([f"WARNING {n} lines before the last one are missing: they could not be written"])
    assert lines[lines.index(told[0]) - 1] == "WARNING 0"
