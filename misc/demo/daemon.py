"""The factory as a process of its own, started and asked as an operator would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from autopyfactory.control.client import ControlError, NotRunning, call
from autopyfactory.daemon.webchild import address

START_LIMIT, STOP_LIMIT = 60, 15  # seconds


class Daemon:
    """`autopyfactory --conf ...`; as root it changes to `user`."""

    def __init__(
        self, conf: Sequence[Path], state: Path, log: Path, env: Mapping[str, str], user: str | None
    ):
        self.socket = state / "control.sock"
        self.log = log
        command = [sys.executable, "-m", "autopyfactory", "--conf", ",".join(map(str, conf)), "--info"]
        command += ["--log", str(log), *(["--runas", user] if user else [])]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the demo, which ends it as init would
        )

    def wait_ready(self) -> None:
        """Return when the factory answers. Raises RuntimeError if it does not come up."""
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if self.process.poll() is not None:
                assert self.process.stderr is not None
                words = self.process.stderr.read().decode(errors="replace").strip()
                raise RuntimeError(f"the factory ended with code {self.process.returncode}: {words}")
            try:
                call(self.socket, "status", 5)
                return
            except (NotRunning, ControlError):
                time.sleep(0.1)
        raise RuntimeError(f"the factory does not answer; its log is {self.log}")

    def status(self) -> Any:
        """Return what the factory says about its queues."""
        return call(self.socket, "status", 10)

    def page(self) -> str | None:
        """Return the address of the factory's web pages, within a few seconds; None when there are none."""
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            if found := address(self.socket.parent):
                return found
            time.sleep(0.1)
        return None

    def keep(self, hints: Sequence[str]) -> None:
        """Leave the factory up until somebody interrupts; say what can be tried meanwhile."""
        print("\nIt stays up: Ctrl-C ends it. Look at", self.page(), "and try, for instance:")
        for hint in hints:
            print(f"  {hint}")
        try:
            while self.process.poll() is None:
                time.sleep(0.5)
        except KeyboardInterrupt:
            print()

    def stop(self) -> int:
        """End the factory as init would; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()
