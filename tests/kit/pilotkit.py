"""Run a composed wrapper as a pilot would, in the shell and on the kind of node that a test wants."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autopyfactory.wrapper.compose import Built, Recipe, compose
from patience import PATIENCE
from wrapperkit import processes_of

SHELLS = {"dash": "dash", "bash": "bash", "busybox": "busybox", "mksh": "mksh"}
"""Programs that serve as `sh` on nodes; bash called by that name is in its POSIX mode."""

SETTINGS = {
    "APF_ASKED_CORES": "1", "APF_ASKED_MEMORY": "0", "APF_WMSQUEUE": "SITE", "APF_LIFETIME": "0",
    "APF_GRACE": "2", "APF_HOLD": "0", "APF_EMPTY_EXIT": "0", "APF_UDP": "",
    "APF_REPORT": "",
}  # fmt: skip
SETTLES = 30.0  # seconds; what a pilot leaves running stays longer
QUICK = ("os",)  # checks of a pilot whose checks are not what is tested


def built(
    *payloads: str,
    checks: Sequence[str] = QUICK,
    settings: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    **more: Any,
) -> Built:
    """Compose a wrapper with what the test says and plain settings."""
    return compose(
        Recipe(
            payloads, tuple(checks), options=options or {}, settings={**SETTINGS, **(settings or {})}, **more
        )
    )


def shell_folder(folder: Path, shell: str) -> Path:
    """Make a folder whose `sh` is that shell, to stand first on PATH."""
    place = folder / f"sh-{shell}"
    place.mkdir(exist_ok=True)
    link = place / "sh"
    if not link.exists():
        program = shutil.which(SHELLS[shell])
        assert program, f"{shell} is not installed: bin/test does that"
        link.symlink_to(program)
    return place


@dataclass(frozen=True)
class Ended:
    """A pilot that has ended."""

    code: int
    output: str
    errors: str

    @property
    def summary(self) -> dict[str, Any]:
        """The summary line, which is the last of the output."""
        last = self.output.splitlines()[-1]
        assert last.startswith("APF-SUMMARY "), self.output[-3000:] + self.errors[-3000:]
        found: dict[str, Any] = json.loads(last.removeprefix("APF-SUMMARY "))
        return found

    def results(self) -> dict[str, str]:
        """What each check found."""
        return {check["name"]: check["result"] for check in self.summary["checks"]}

    def reason(self, name: str) -> str:
        """What a check said."""
        [check] = [check for check in self.summary["checks"] if check["name"] == name]
        return str(check.get("reason", ""))

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = self.summary["facts"]
        return found


class Pilot:
    """A running pilot, in a folder that is empty but for `files`."""

    def __init__(
        self,
        folder: Path,
        wrapper: Built,
        *arguments: str,
        shell: str = "dash",
        files: Mapping[str, str] | None = None,
        before: Sequence[str] = (),
        path: str | None = None,
        **environment: str,
    ) -> None:
        self.folder = folder / "pilot"
        self.folder.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            (self.folder / name).write_text(text)
        self.given = set(self.folder.iterdir())
        program = folder / wrapper.name
        program.write_bytes(wrapper.data)
        self.out, self.err = folder / "out", folder / "err"
        shells = shell_folder(folder, shell)
        env = {"PATH": f"{shells}:{path or os.environ['PATH']}", "HOME": str(folder), **environment}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*before, str(shells / "sh"), str(program), *arguments],
                cwd=self.folder, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                start_new_session=True,
            )  # fmt: skip

    @property
    def output(self) -> str:
        return self.out.read_text(errors="replace")

    def end(self, timeout: float = PATIENCE, *, clean: bool = True) -> Ended:
        """Wait for the end; check that nothing is left, neither files nor processes."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the pilot still runs:\n{self.output}{self.err.read_text()}") from None
        if clean:
            assert set(self.folder.iterdir()) == self.given
            # A probe that has told its end may need a moment more to be gone, beside busy neighbours.
            end = time.monotonic() + SETTLES
            while (left := processes_of(self.folder)) and time.monotonic() < end:
                time.sleep(0.05)
            assert left == {}
        return Ended(code, self.output, self.err.read_text(errors="replace"))

    def stop(self) -> None:
        """For the end of a test that may have failed."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in processes_of(self.folder):
            os.kill(pid, signal.SIGKILL)
