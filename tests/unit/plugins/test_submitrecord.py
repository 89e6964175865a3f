"""Submit descriptions are kept without anybody waiting for the disk."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from autopyfactory.plugins import submitrecord as module
from autopyfactory.plugins.submitrecord import Scribe
from patience import PATIENCE, SOON, until


def test_files_are_written(tmp_path: Path) -> None:
    scribe = Scribe()
    for n in range(20):
        scribe.write(tmp_path / f"{n}", f"text {n}\n")
    assert scribe.flush(PATIENCE)
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {f"{n}": f"text {n}\n" for n in range(20)}


def test_what_cannot_be_written_is_logged_and_the_next_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scribe = Scribe()
    (tmp_path / "no folder").touch()
    scribe.write(tmp_path / "no folder/x", "lost")
    scribe.write(tmp_path / "y", "kept")
    assert scribe.flush(PATIENCE)
    assert "no folder/x cannot be written" in caplog.text
    assert (tmp_path / "y").read_text() == "kept"


def test_a_disk_that_hangs_keeps_nobody_waiting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 3)
    scribe = Scribe()
    os.mkfifo(tmp_path / "hangs")  # opening it waits for a reader
    began = time.monotonic()
    scribe.write(tmp_path / "hangs", "x")
    assert not scribe.flush(0.2)
    for n in range(5):
        scribe.write(tmp_path / f"{n}", "x")
    assert time.monotonic() - began < SOON
    assert "4 is not written: 3 others wait" in caplog.text
    with open(tmp_path / "hangs") as reader:
        assert reader.read() == "x"
    assert scribe.flush(PATIENCE)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0", "1", "2", "hangs"]


def test_many_at_once_are_written_before_there_is_no_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER", 3600.0)
    monkeypatch.setattr(module, "WAITING", 20)
    scribe = Scribe()
    for n in range(10):
        scribe.write(tmp_path / f"{n}", "x")
    until(lambda: len(list(tmp_path.iterdir())) == 10, "half of the room is taken")


def test_what_is_to_be_written_lets_those_who_send_get_done_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GATHER", 3600.0)
    scribe = Scribe()
    for n in range(3):
        scribe.write(tmp_path / f"{n}", "x")
    assert not list(tmp_path.iterdir())
    assert scribe.flush(PATIENCE), "somebody waits"
    assert len(list(tmp_path.iterdir())) == 3
    scribe.write(tmp_path / "later", "x")
    assert not (tmp_path / "later").exists()
    assert scribe.flush(PATIENCE)
    monkeypatch.setattr(module, "GATHER", 0.01)
    scribe.write(tmp_path / "soon", "x")
    until((tmp_path / "soon").exists)
