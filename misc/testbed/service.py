"""Handle on a service under a keeper, from the process that started it or from another one."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from testbed.commands import identity
from testbed.errors import TestbedError

KEEPER = Path(__file__).with_name("keeper.py")


@dataclass
class Service:
    """One kept service.  `pid` is the keeper's; `born` tells it from a later process with the same number."""

    pid: int
    born: int
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @classmethod
    def start(
        cls,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        output: Path,
        user: str | None = None,
        stop_signal: int = signal.SIGTERM,
        attached: bool = True,
        empty: Path | None = None,
    ) -> "Service":
        """Start `command` with its output appended to `output`.

        Attached, it ends when this process ends, in whatever way, and `empty` is emptied then.
        """
        keeper = [python(user), "-I", "-S", "-", "--stop-signal", str(int(stop_signal))]
        keeper += ["--owner", str(os.getpid())] if attached else []
        keeper += ["--empty", str(empty)] if empty else []
        # The keeper's text comes as its standard input: it may lie where `user` cannot read.
        with KEEPER.open("rb") as source, output.open("ab") as log:
            process = subprocess.Popen(
                [*keeper, "--", *map(str, command)],
                stdin=source, stdout=log, stderr=log, env=dict(env), start_new_session=True, **identity(user),
            )  # fmt: skip
        return cls(process.pid, born(process.pid) or 0, process)

    def alive(self) -> bool:
        """Whether the keeper still runs."""
        if self._process is not None:
            return self._process.poll() is None
        return born(self.pid) == self.born

    def stop(self, timeout: float = 30) -> None:
        """End the service and all it started; return when nothing of it is left."""
        if not self.alive():
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if not self.wait(timeout):
            raise TestbedError(f"process {self.pid} did not end within {timeout:g} s")

    def wait(self, timeout: float) -> bool:
        """Wait for the end at most `timeout` seconds; return whether it came."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
            return self._process.returncode is not None
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(self.pid)
            try:
                return not self.alive() or bool(select.select([descriptor], [], [], timeout)[0])
            finally:
                os.close(descriptor)
        return True

    def processes(self) -> dict[int, str]:
        """What runs under the keeper now: pid -> program name."""
        found: dict[int, str] = {}
        layer = {self.pid} if self.alive() else set()
        parents = _parents()
        while layer:
            layer = {pid for pid, parent in parents.items() if parent in layer}
            found |= {pid: _program(pid) for pid in layer}
        return found

    def children(self, parent: int) -> dict[int, str]:
        """The direct children of one of these processes: pid -> program name."""
        return {pid: _program(pid) for pid, its_parent in _parents().items() if its_parent == parent}


def python(user: str | None) -> str:
    """A Python interpreter that `user` may run: ours, if it does not lie under a closed directory."""
    ours = Path(sys.executable)
    if user is None or reachable(ours):
        return str(ours)
    return shutil.which("python3", path="/usr/bin:/bin:/usr/local/bin") or str(ours)


def reachable(path: Path) -> bool:
    """Whether an ordinary user may come to `path` (all directories above are open to others)."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents) and all(
        parent.stat().st_mode & 0o001 for parent in path.absolute().parents
    )


def born(pid: int) -> int | None:
    """Start time of process `pid` in clock ticks since boot, None if it does not run (or is a zombie)."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] != "Z" else None


def _stat(pid: int) -> list[str]:
    """The fields of proc(5)'s stat from the state letter on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _parents() -> dict[int, int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return {pid: int(fields[1]) for pid in pids if (fields := _stat(pid)) and fields[0] != "Z"}


def _program(pid: int) -> str:
    try:
        return Path(os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0])).name
    except OSError:
        return ""
