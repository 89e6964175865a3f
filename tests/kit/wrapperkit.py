"""Start the pilot wrapper as a process, and look at what it did and left."""

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import autopyfactory
from patience import PATIENCE

WRAPPER = Path(autopyfactory.__file__).parent / "wrapper/payloads/glidein.sh"
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Ended:
    """A wrapper that has ended: exit code, output, seconds it took, and its summary line as a mapping."""

    code: int
    output: str
    seconds: float

    @property
    def summary(self) -> dict[str, str]:
        [line] = re.findall(r"^APF-WRAPPER: (.*)$", self.output, re.MULTILINE)
        assert self.output.endswith(f"APF-WRAPPER: {line}\n"), "the summary is the last line"
        return dict(word.split("=") for word in line.split())

    def counts(self) -> tuple[int, ...]:
        """Payloads: all, ok, failed, removed, cut."""
        return tuple(int(self.summary[key]) for key in ("payloads", "ok", "failed", "removed", "cut"))


class Wrapper:
    """A running wrapper whose working directory is `directory`, made for it and otherwise empty."""

    def __init__(
        self,
        directory: Path,
        arguments: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        shell: Sequence[str] = ("/bin/sh",),
    ) -> None:
        self.directory = directory
        directory.mkdir()
        self.log = directory.with_name(f"{directory.name}.out")
        self.started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*shell, str(WRAPPER), *map(str, arguments)],
                cwd=directory, env={"PATH": os.environ["PATH"], **(env or {})}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=_prepare,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.log.read_text()

    def end(self, timeout: float = PATIENCE) -> Ended:
        """Wait for the wrapper's end; check that nothing of it is left."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the wrapper still runs after {timeout:g} s:\n{self.output}") from None
        seconds = time.monotonic() - self.started
        assert list(self.directory.iterdir()) == [], self.output
        assert processes_of(self.directory) == {}, self.output
        return Ended(code, self.output, seconds)

    def stop(self) -> None:
        """For the end of a test that may have failed: end the wrapper and whatever it started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pid in processes_of(self.directory):
            os.kill(pid, signal.SIGKILL)


def processes_of(directory: Path) -> dict[int, str]:
    """Processes with `directory` in their arguments or environment, or that work in it: pid -> command."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            traces = command + (entry / "environ").read_bytes() + os.fsencode(os.readlink(entry / "cwd"))
        except OSError:  # it has just ended, or is somebody else's
            continue
        if os.fsencode(directory) + b"/" in traces + b"/":
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def _prepare() -> None:
    """In the child: end with the test process, and take INT as a batch job would, also under ``pytest &``."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
