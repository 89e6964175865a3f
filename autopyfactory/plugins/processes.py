"""Pilots as plain processes of this machine: the process table is the batch system's memory.

Each pilot carries its names in its environment, so pilots are found again after a restart of the factory.
What a pilot leaves behind when it ends carries them too: a register, one small file for each pilot with its
process number and when that began, tells the two apart, also to the next factory. One that is not in it, as
the factory was killed just then, is taken into it when it is found: of all with its name the one that began
first. For where there is no HTCondor.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

TAG = "APF_SUBMISSION"  # environment variable with the submission's tag
_ID = re.compile(r"\d+\.\d+")
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


def began(pid: int) -> str:
    """Return when process `pid` began, as the kernel counts; with its number that names it. Empty: none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return "" if fields[0] in "ZX" else fields[19]


class Register:
    """Which process each pilot is, in a folder that survives the factory."""

    def __init__(self, state_dir: str):
        """Use the folder `exec` in the state folder; it is made when it is first needed."""
        self._folder = Path(state_dir).expanduser() / "exec"

    def note(self, cid: str, pid: int) -> None:
        """Write down that pilot `cid` is process `pid`. Raises OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._folder / cid).write_text(f"{pid} {began(pid)}\n")

    def sorted_out(self, found: Iterable[PilotProcess]) -> list[PilotProcess]:
        """Return those of `found` that are pilots, one at most of each name."""
        by_name: dict[str, list[PilotProcess]] = {}
        for one in found:
            by_name.setdefault(one.cid, []).append(one)
        chosen = (self._pilot(cid, its) for cid, its in by_name.items())
        return [one for one in chosen if one is not None]

    def _pilot(self, cid: str, found: Sequence[PilotProcess]) -> PilotProcess | None:
        """Return which of these, that all carry the name `cid`, is that pilot; None: it has ended."""
        since = {one.pid: began(one.pid) for one in found}
        alive = [one for one in found if since[one.pid]]
        if not alive or not _ID.fullmatch(cid):
            return next(iter(alive), None)
        try:
            number, start = (self._folder / cid).read_text().split()
        except (OSError, ValueError):  # it was not written, or not to its end
            first = min(alive, key=lambda one: (int(since[one.pid]), one.pid))
            with contextlib.suppress(OSError):  # then it is looked for again the next time
                self.note(cid, first.pid)
            return first
        return next((one for one in alive if (str(one.pid), since[one.pid]) == (number, start)), None)

    def tidy(self) -> None:
        """Forget pilots of which no process is left. Raises OSError."""
        if not self._folder.is_dir():
            return
        alive = {p.cid for p in pilots()}
        for path in self._folder.iterdir():
            if path.name not in alive:
                path.unlink(missing_ok=True)


def this_machine() -> str:
    """Return what tells this machine, since it was started, from any other; empty if it cannot be told."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return f"{socket.gethostname()} (boot {boot})"


def pilots() -> Iterator[PilotProcess]:
    """Yield the pilots that run on this machine, as far as this user may look.

    A pilot leads its session: what it starts inherits its environment, but not that place, unless it asks for
    one: see `Register`. Raises OSError without a process table.
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
