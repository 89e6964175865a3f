"""Ends a process with the one that made it."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int) -> None:
    """Die with the factory, however it dies, and leave the terminal's and service manager's signals to it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # the parent was gone before we asked to follow it
    # Ctrl-C or a stop of the whole service must not cut off a submission; the parent kills us in time.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
