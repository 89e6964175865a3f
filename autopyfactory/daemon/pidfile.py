"""The pid file, which is a lock as well: the kernel holds it, so that it cannot be stale.

The file keeps the form that everybody reads (one line with the process id, `lockfile`'s PIDLockFile), but
who holds it is decided by flock(2): a crash or a reboot frees it, and a process id that another program
got in the meantime, as in containers, does not count.
"""

from __future__ import annotations

import fcntl
import os

from lockfile import AlreadyLocked, LockFailed
from lockfile.pidlockfile import PIDLockFile


class PidFile(PIDLockFile):  # type: ignore[misc]
    """A pid file that one process at a time can hold; the lock passes to forked children (detaching).

    For its owner only: whoever can open it could hold the lock.
    """

    def __init__(self, path: str):
        super().__init__(path)
        self._fd: int | None = None

    def acquire(self, timeout: float | None = None) -> None:
        """Take the lock and write our process id; `timeout` is not used: it succeeds or fails at once.

        Raises lockfile.AlreadyLocked when another process holds it, lockfile.LockFailed when the file
        cannot be written.
        """
        while self._fd is None:
            fd = self._open()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(fd)
                raise AlreadyLocked(f"process {self.read_pid() or '?'} holds {self.path}") from None
            if self._is_ours(fd):
                self._fd = fd
            else:  # its last holder removed it between our open and our lock
                os.close(fd)
        self.write()

    def _open(self) -> int:
        try:
            os.makedirs(os.path.dirname(self.path), exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as err:
            raise LockFailed(f"cannot write the pid file {self.path}: {err.strerror}") from err

    def _is_ours(self, fd: int) -> bool:
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(fd), there)

    def write(self) -> None:
        """Write our process id; again after detaching, which changes it."""
        if self._fd is None:
            raise LockFailed(f"{self.path} is not held")
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError as err:
            raise LockFailed(f"cannot write the pid file {self.path}: {err.strerror}") from err

    def fileno(self) -> int:
        """Return the descriptor that holds the lock, which detaching must keep open."""
        if self._fd is None:
            raise ValueError("not held")
        return self._fd

    def release(self) -> None:
        """Remove the file, or empty it where its folder is not ours, and free the lock."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            if self._is_ours(fd):
                os.unlink(self.path)
        except OSError:
            os.ftruncate(fd, 0)
        finally:
            os.close(fd)
