"""The state folder and its files: for the factory's user only, or for a group of those who may command it.

Whoever can open a database's file can lock it, and so stop submissions: reading is power too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

FOLDER, FILE = 0o700, 0o600  # modes for the user alone
GROUP_FOLDER, GROUP_FILE = 0o2750, 0o640  # modes when a group may read too; files inherit the folder's group
# What the factory keeps there. Nothing else in the folder is touched: it may be somebody's home.
OURS = (
    *("*.db", "*.db-wal", "*.db-shm", "*.db-journal", "*.db.broken-*"),
    *("*.json", "*.pid", "config-copies", "submitted"),
)


def keep(folder: Path, group: int | None = None) -> list[str]:
    """Make `folder` and what the factory keeps in it private; returns in words what was looser before.

    `group`: the id of a group that may read it. Raises OSError when the folder can be neither made nor looked
    at; a folder or file of another user is told, not touched.
    """
    folder.mkdir(mode=FOLDER, parents=True, exist_ok=True)
    told = list(_tighten(folder, FOLDER if group is None else GROUP_FOLDER, group))
    for path in sorted({p for pattern in OURS for p in folder.glob(pattern)}):
        if not path.is_symlink():
            folders = FOLDER if group is None else GROUP_FOLDER
            files = FILE if group is None else GROUP_FILE
            told += _tighten(path, folders if path.is_dir() else files, group)
    return told


def create(path: Path) -> None:
    """Make an empty file `path` with the mode that its folder asks for, unless it is there. Raises OSError.

    For databases: they make their files by the umask, and the files beside them like the first one.
    """
    mode = GROUP_FILE if stat.S_IMODE(os.stat(path.parent).st_mode) == GROUP_FOLDER else FILE
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode))


def _tighten(path: Path, mode: int, group: int | None) -> Iterator[str]:
    """Give `path` `mode`, following no link; yields a word if more was allowed before."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:  # a database's second file, gone meanwhile
        return
    try:
        before = os.fstat(handle)
        if before.st_uid != os.geteuid():
            yield f"{path} belongs to user {before.st_uid}"
            return
        if group is not None and before.st_gid != group:
            os.fchown(handle, -1, group)
        if stat.S_IMODE(before.st_mode) & ~mode & 0o777:
            yield f"{path} had mode {stat.S_IMODE(before.st_mode):04o}"
        if stat.S_IMODE(before.st_mode) != mode:
            os.fchmod(handle, mode)
    finally:
        os.close(handle)
