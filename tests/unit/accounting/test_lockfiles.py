"""Locks in the home of a user: one holder, until his process ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autopyfactory.accounting import lockfiles
from autopyfactory.accounting.lockfiles import FOLDER, LockFiles

HOLD = (
    "import sys; from pathlib import Path; from autopyfactory.accounting import lockfiles; "
    "lockfiles.home = lambda: Path(sys.argv[1]); locks = lockfiles.LockFiles(); "
    "print(repr(locks.take('a1')), flush=True); sys.stdin.read()"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tmp_path.chmod(0o700)
    monkeypatch.setattr(lockfiles, "home", lambda: tmp_path)
    return tmp_path


def test_a_lock_ends_with_its_process_however_that_ends(home: Path) -> None:
    mine = LockFiles()
    assert mine.take("a1", make=False) == "", "nobody ever took it"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdin is not None
    assert other.stdout.readline() == "''\n"
    for make in (True, False):
        assert mine.take("a1", make=make) == f"process {other.pid}"
    assert mine.take("a2") == ""
    other.kill()
    other.wait()
    other.stdout.close()
    other.stdin.close()
    assert (mine.take("a1"), mine.take("a1")) == ("", "")
    mine.close()
    assert LockFiles().take("a1") == ""


@pytest.mark.parametrize("which", [".", FOLDER])
def test_where_others_can_write_nothing_is_locked(home: Path, which: str) -> None:
    (home / FOLDER).mkdir(mode=0o700)
    (home / which).chmod(0o770)
    with pytest.raises(PermissionError, match="only our user"):
        LockFiles().take("a1")


def test_who_has_no_home_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockfiles, "home", lambda: home / "nowhere")
    with pytest.raises(FileNotFoundError):
        LockFiles().take("a1")
    assert LockFiles().take("a1", make=False) == ""


def test_a_link_is_not_followed(home: Path) -> None:
    (home / FOLDER).mkdir(mode=0o700)
    (home / FOLDER / "a1").symlink_to(home / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        LockFiles().take("a1")
    assert not (home / "elsewhere").exists()
