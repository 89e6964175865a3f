"""The place of the socket: how long its path may be, and who may open it."""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from autopyfactory.control import place
from autopyfactory.control.client import call
from autopyfactory.control.server import ControlServer

Start = Callable[..., ControlServer]


def test_a_very_long_path(start: Start, tmp_path: Path) -> None:
    made = start(tmp_path / ("d" * 120) / ("e" * 120) / "control.sock")
    assert call(made.path, "echo") == {}


def test_one_whose_door_is_crowded_lives(tmp_path: Path) -> None:
    """The kernel turns away whoever comes when as many wait as may: no other may take its place for that."""
    listener = place.listen(tmp_path / "s", None)
    waiting = []
    with contextlib.suppress(BlockingIOError):
        while len(waiting) < 1000:
            waiting.append(place.connect(tmp_path / "s", 1.0))
    assert 0 < len(waiting) < 1000
    assert place.answers(tmp_path / "s")
    for connection in waiting:
        connection.close()
    listener.close()
    assert not place.answers(tmp_path / "s")


def test_it_never_has_a_wider_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment the socket appears at its place its mode is final, whatever the umask is."""
    seen: list[int] = []
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        assert stat.S_IMODE(source.parent.stat().st_mode) == 0o700
        seen.append(stat.S_IMODE(source.stat().st_mode))
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    old = os.umask(0)
    try:
        place.listen(tmp_path / "s", None).close()
    finally:
        os.umask(old)
    assert seen == [0o600]
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
