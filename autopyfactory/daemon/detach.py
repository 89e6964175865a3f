"""Leaving the terminal, while the command that was typed waits for the factory and tells how it went."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Sequence
from typing import IO, Protocol

import daemon

from autopyfactory.daemon.exits import ExitCode, StartError

UP_WITHIN = 120.0  # seconds that the command waits for the factory to be up


class HasFileno(Protocol):
    """Something with a file descriptor."""

    def fileno(self) -> int:
        """Return the descriptor."""


class Verdict:
    """Tells the waiting command how the start went; without one (foreground) it tells nobody."""

    def __init__(self, fd: int | None = None):
        self._fd = fd

    def ready(self) -> None:
        """The factory is up: the command ends with 0."""
        self._say(ExitCode.OK, "")

    def failed(self, error: StartError) -> None:
        """The factory cannot start: the command prints why and ends with the error's code."""
        self._say(error.code, str(error))

    def _say(self, code: int, text: str) -> None:
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        try:
            os.write(fd, f"{code} {text}".encode(errors="replace")[:4000])
        except BrokenPipeError:  # whoever typed the command has gone
            return
        finally:
            os.close(fd)


def detach(keep: Sequence[HasFileno], console: str | None = None) -> Verdict | None:
    """Split in two: return None in the process that was started, and a `Verdict` in the detached one.

    The detached one keeps the files in `keep` open, and standard output and error where they are files;
    with a path as `console` both go there.  Raises StartError when that is no file to write to.
    """
    out, err = _if_file(sys.stdout), _if_file(sys.stderr)
    if console is not None:
        out = err = _open_console(console)
    hear, say = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        os.close(say)
        os.waitpid(child, 0)  # it ends at once: what runs on is its grandchild
        _wait(hear)
        return None
    os.close(hear)
    daemon.DaemonContext(
        working_directory=os.getcwd(),
        umask=0o022,
        prevent_core=False,
        detach_process=True,
        files_preserve=[say, *keep],
        stdout=out,
        stderr=err,
        signal_map={},
    ).open()
    return Verdict(say)


def _open_console(path: str) -> IO[str]:
    """Open a file to append to, which only its owner may read: what is printed may hold anything."""
    try:
        # A pipe without a reader would make the open wait.
        fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    except OSError as err:
        raise StartError(ExitCode.LOG, f"cannot write the console log {path}: {err.strerror}") from err
    if not is_file(fd):
        os.close(fd)
        raise StartError(ExitCode.LOG, f"cannot write the console log {path}: not a plain file")
    return os.fdopen(fd, "a")


def _if_file(stream: IO[str]) -> IO[str] | None:
    return stream if is_file(stream.fileno()) else None


def is_file(fd: int) -> bool:
    """Say whether a descriptor leads to a plain file: a terminal goes away, a reader of a pipe would wait."""
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False


def _wait(hear: int) -> None:
    """Wait for the verdict; raise StartError unless the factory is up."""
    if not select.select([hear], [], [], UP_WITHIN)[0]:
        raise StartError(
            ExitCode.INTERNAL, f"the factory is not up after {UP_WITHIN:.0f} s; it goes on trying"
        )
    with os.fdopen(hear, "rb") as pipe:
        code, _, text = pipe.read().decode(errors="replace").partition(" ")
    if not code:
        raise StartError(ExitCode.INTERNAL, "the factory ended before it was up: see its log")
    if int(code) != ExitCode.OK:
        raise StartError(ExitCode(int(code)), text)
