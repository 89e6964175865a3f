"""A file system that is really full stops queues before pilots fail, and only until there is room again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import smalldisk
from autopyfactory.control.client import ControlError, NotRunning, call
from patience import PATIENCE, until
from place import Place


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    # the socket lies where others see it too
    made.configure(room__minimum="1", room__inodes="100", socket=str(tmp_path / "control.sock"))
    yield made
    made.kill_pilots()


def ask(place: Place, command: str, **arguments: Any) -> dict[str, Any]:
    """Ask the factory; empty when it does not answer."""
    with contextlib.suppress(ControlError, NotRunning):
        return dict(call(place.folder / "control.sock", command, PATIENCE, **arguments))
    return {}


def row(place: Place) -> dict[str, Any]:
    rows = ask(place, "status", queue="east").get("queues")
    return dict(rows[0]) if rows else {}


@pytest.mark.parametrize(
    ("tree", "options", "order", "says"),
    [
        ("pilots", "size=8m", "fill", "no room in the pilots' logs {}: 0 MB left"),
        ("pilots", "size=64m,nr_inodes=2000", "files", "no room in the pilots' logs {}: 0 inodes left"),
        ("state", "size=16m", "leave 500000", "no room in the state folder {}: 0 MB left"),
    ],
    ids=["no byte for pilots' logs", "no inode for pilots' logs", "hardly a byte for the state"],
)
def test_a_file_system_that_is_full_stops_queues_until_there_is_room(
    own: Place, tmp_path: Path, tree: str, options: str, order: str, says: str
) -> None:
    folder = tmp_path / tree
    (tmp_path / "work.json").write_text(json.dumps({"east": {"ready": 0}, "west": {"ready": 0}}))
    command = [sys.executable, "-m", "autopyfactory", "--conf", str(own.conf), "--info"]
    log = ["--log", str(tmp_path / "factory.log")]
    small = [sys.executable, smalldisk.__file__, str(folder), f"{options},mode=777"]
    process = subprocess.Popen(
        [*smalldisk.NAMESPACES, *small, *command, *log],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        until(lambda: row(own).get("outcome") == "nothing", "cycles that send nothing, there being no work")
        process.stdin.write(f"{order}\n")
        process.stdin.flush()
        until(lambda: row(own).get("outcome") == "held back", "the queue to stop")
        (tmp_path / "work.json").write_text(json.dumps({"east": {"ready": 5}, "west": {"ready": 0}}))
        until(lambda: row(own).get("ready") == 5, "work")
        full = row(own)
        assert full["reason"].startswith(says.format(folder))
        assert [(c["code"], c["who"]) for c in full["problems"]] == [("disk-full", "us")]
        assert (full["outcome"], full["pending"], full["running"]) == ("held back", 0, 0)
        process.stdin.write("empty\n")
        process.stdin.flush()
        until(lambda: row(own).get("running") == 2, "pilots, once there is room")
        assert row(own)["problems"] == []
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)
