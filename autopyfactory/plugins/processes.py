"""Pilots as plain processes of this machine: the process table is the batch system's memory.

Each pilot carries its names in its environment, so pilots are found again after a restart of the factory and
nothing else has to be remembered. For trying the factory where there is no HTCondor, and for tests.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

TAG = "APF_SUBMISSION"  # environment variable with the submission's tag
MARK = "APF_INSTANCE"  # the same with the mark of the book that it is in


@dataclass(frozen=True, slots=True)
class PilotProcess:
    """A process that is a pilot."""

    pid: int
    factory: str
    queue: str
    cid: str  # <cluster>.<proc>
    tag: str
    mark: str = ""

    @property
    def proc(self) -> int:
        """Return its number within its submission."""
        number = self.cid.rpartition(".")[2]
        return int(number) if number.isdecimal() else 0


def this_machine() -> str:
    """Return what tells this machine, since it was started, from any other; empty if it cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return f"{socket.gethostname()} (boot {boot})"


def pilots() -> Iterator[PilotProcess]:
    """Yield the pilots that run on this machine, each once, as far as this user may look.

    A pilot leads its session: what it starts inherits its environment, but not that place. Raises OSError
    without a process table.
    """
    for pid in psutil.pids():
        try:
            environ = psutil.Process(pid).environ()
            if TAG not in environ or os.getsid(pid) != pid:
                continue
        except (psutil.Error, OSError):  # it ended while we looked, or is another user's
            continue
        yield PilotProcess(
            pid,
            environ.get("APFFID", ""),
            environ.get("FACTORYQUEUE", ""),
            environ.get("APFCID", ""),
            environ[TAG],
            environ.get(MARK, ""),
        )
