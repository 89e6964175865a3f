"""Files that root makes for the user before it becomes that user, without being led astray.

Whatever the user may make themselves, is made as the user. Root helps only where every folder on the way
belongs to root alone; else a link that the user put there could have root give away a file of its own.
"""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

from autopyfactory.daemon.privileges import Account, acting_as

log = logging.getLogger("autopyfactory.daemon")

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def provide_file(path: Path, account: Account) -> None:
    """Make sure that `account` can write `path`, with its folder. Called as root; raises OSError."""
    with acting_as(account):
        try:
            return _make(path)
        except PermissionError as err:
            if account.uid == 0:
                raise
            log.debug("root makes %s: %s", path, err)
    if not path.parent.exists():
        _provide_folder(path.parent, account)
    else:
        _insist_on_roots(path.parent, account)
    _give_file(path, account)


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, _FLAGS & ~os.O_NOFOLLOW, 0o644))


def _provide_folder(folder: Path, account: Account) -> None:
    """Make a folder that belongs to `account`; missing ones above it will belong to root."""
    _insist_on_roots(next(p for p in folder.parents if p.exists()), account)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(0o755)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchown(fd, account.uid, account.gid)
    finally:
        os.close(fd)


def _give_file(path: Path, account: Account) -> None:
    fd = os.open(path, _FLAGS, 0o644)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise PermissionError(f"{path} is not a plain file with one name: root does not give it away")
        os.fchown(fd, account.uid, account.gid)
    finally:
        os.close(fd)


def _insist_on_roots(folder: Path, account: Account) -> None:
    """Raise PermissionError unless nobody but root decides what `folder` and each folder above it is."""
    for place in (folder, Path(os.path.realpath(folder))):
        for step in (place, *place.parents):
            found = os.lstat(step)
            if stat.S_ISLNK(found.st_mode):
                continue  # its own folder is checked, and where it leads is checked by the real path
            sticky = step != place and found.st_mode & stat.S_ISVTX  # what root has in it stays in place
            if found.st_uid != 0 or (found.st_mode & 0o022 and not sticky):
                raise PermissionError(
                    f"{folder} does not let {account.name} write, and {step} is not root's alone"
                )
