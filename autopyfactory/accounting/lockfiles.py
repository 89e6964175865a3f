"""Locks of one user on one host: files in a folder of his home that nobody else can write to.

A lock is held by whoever has the file open and ends with that process, however it ends. The file stays.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
from pathlib import Path

FOLDER = ".autopyfactory"


class LockFiles:
    """The locks that this process holds. Not thread-safe."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}  # descriptors

    def take(self, key: str, *, make: bool = True) -> str:
        """Take the lock `key`, as often as you like; return who has it already, or nothing.

        key: of letters and digits; make: also if nobody ever took it. Raises OSError when the user has no
        home, or one in which others may write.
        """
        if key in self._held:
            return ""
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            descriptor = os.open(_folder(make) / key, flags | (os.O_CREAT if make else 0), 0o600)
        except FileNotFoundError:
            if make:
                raise
            return ""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            os.close(descriptor)
            return f"process {pid}" if pid.isdecimal() else "a process that has not said its number yet"
        except OSError:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._held[key] = descriptor
        return ""

    def close(self) -> None:
        """Give all locks up."""
        while self._held:
            os.close(self._held.popitem()[1])


def home() -> Path:
    """Return the home of the user who we are, whatever the environment says. Raises OSError without one."""
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise FileNotFoundError("our user has no home") from None


def _folder(make: bool) -> Path:
    folder = home() / FOLDER
    if make:
        folder.mkdir(mode=0o700, exist_ok=True)
    for path in (folder.parent, folder):
        status = path.lstat() if path is folder else path.stat()
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or others:
            raise PermissionError(f"{path} is not a folder that only our user can write to")
    return folder
