"""How the daemon ends: its exit codes, and the error that carries one."""

from __future__ import annotations

import os
import sys
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells whoever started it. Documented in docs/operations.md."""

    OK = 0
    CONFIG = 1  # the configuration cannot be used
    USAGE = 2  # the command line makes no sense
    RUNNING = 3  # another factory holds the pid file or the state folder
    USER = 4  # no such user, or privileges cannot be given up
    LOG = 5  # the log cannot be written
    FILES = 6  # pid file, state folder or control socket cannot be made
    INTERNAL = 7  # an error in the factory itself
    FORCED = 8  # something hung at the end, and was cut off
    INTERRUPTED = 130  # Ctrl-C before the factory was up


class StartError(Exception):
    """The daemon cannot start; the text says why in one line, `code` is the exit code."""

    def __init__(self, code: ExitCode, text: str):
        super().__init__(text)
        self.code = code


def drop_what_is_stuck() -> None:
    """Drop what standard output and error cannot take: left in their buffers, it makes the exit code 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
