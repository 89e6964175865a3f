import os
from pathlib import Path

import pytest

from autopyfactory.external import atomicfile


def test_content_and_permissions_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "x.conf"
    before = os.umask(0o077)
    try:
        atomicfile.replace(path, b"one", mode=0o644)
        assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"one", 0o644)
        atomicfile.replace(path, b"two", mode=atomicfile.OWNER)
    finally:
        os.umask(before)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"two", 0o600)
    assert os.listdir(tmp_path) == ["x.conf"]


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_what_fails_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    path = tmp_path / "x.conf"
    path.write_text("old")

    def broken(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, fails, broken)
    with pytest.raises(OSError, match="disk full"):
        atomicfile.replace(path, b"new", mode=0o600)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.conf"]


def test_data_is_on_the_disk_before_its_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor: int) -> None:
        told.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        fsync(descriptor)

    def noted_replace(source: str, target: Path) -> None:
        told.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    atomicfile.replace(tmp_path / "x", b"1", mode=0o600)
    assert told == ["file", "replace", "folder"]
