"""A pid file is a lock, and nothing of it is left when it is released."""

from __future__ import annotations

from pathlib import Path

import pytest
from lockfile import LockFailed

from autopyfactory.daemon.pidfile import PidFile


def test_released_it_is_gone_and_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / "run" / "pid"
    first = PidFile(str(path))
    first.acquire()
    first.write()
    assert path.read_text().strip().isdigit()
    first.release()
    assert not path.exists()
    second = PidFile(str(path))
    second.acquire()
    second.release()
    second.release()  # nothing is held any more


def test_what_is_not_held_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(LockFailed, match="is not held"):
        PidFile(str(tmp_path / "pid")).write()
