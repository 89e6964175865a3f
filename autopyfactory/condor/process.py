"""The factory's end of a child process: start it, send a request, wait for the reply, but not for ever."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import autopyfactory
from autopyfactory.condor import spawner
from autopyfactory.condor.frames import Assembler, Garbage
from autopyfactory.condor.target import Target

_CHUNK = 1 << 18
_REAP_SECONDS = 1.0


class Ended(Exception):
    """The child ended or sent garbage before it replied. `status`: exit status, negative for a signal."""

    def __init__(self, status: int | None, why: str) -> None:
        super().__init__(why)
        self.status = status


LOCATION_AGE = 300.0  # seconds after which a child asks anew where its schedd is


def worker_command(target: Target) -> list[str]:
    """How to start the child; -P keeps a stray file in the working directory from replacing a module."""
    where = [target.schedd or "", target.collector or "", f"{LOCATION_AGE}"]
    return [sys.executable, "-P", "-m", "autopyfactory.condor.worker", str(os.getpid()), *where]


def worker_environment(target: Target, environ: Mapping[str, str]) -> dict[str, str]:
    """The child's environment: ours and the target's settings, as HTCondor takes them from there."""
    settings = {f"_CONDOR_{key.upper()}": value for key, value in target.settings}
    env = {key: value for key, value in environ.items() if key.upper() not in settings} | settings
    # Against schedds older than our bindings the check makes authentication by file system fail.
    if not any(key.upper() == "_CONDOR_SEC_FS_ENFORCE_CHANNEL_BINDING" for key in env):
        env["_CONDOR_SEC_FS_ENFORCE_CHANNEL_BINDING"] = "False"
    root = str(Path(autopyfactory.__file__).parent.parent)
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [root, env.get("PYTHONPATH")]))
    return env


class Process:
    """One running child. Not for several threads, except `kill`."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], timeout: float) -> None:
        """Start the child; TimeoutError if that takes longer than `timeout` seconds."""

        def start() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )

        self._owner = os.getpid()
        self._child = spawner.spawner.start(start, timeout)
        assert self._child.stdin and self._child.stdout and self._child.stderr
        self._requests = self._child.stdin.fileno()
        self._replies = self._child.stdout.fileno()
        self._errors = self._child.stderr.fileno()
        for descriptor in (self._requests, self._replies, self._errors):
            os.set_blocking(descriptor, False)
        with contextlib.suppress(OSError):  # a user may have many pipes: then it goes in pieces
            fcntl.fcntl(self._replies, fcntl.F_SETPIPE_SZ, _CHUNK)
        self._said = bytearray()
        self._killed = False

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    @property
    def usable(self) -> bool:
        """True if the child runs and is ours (not left over from before a fork)."""
        return self._owner == os.getpid() and not self._killed and self._child.poll() is None

    def begin(self, request: bytes) -> memoryview:
        """Send a packed request as far as that goes at once; return what is left. Ended if the child did."""
        self._said.clear()
        return self._send(memoryview(request))

    def finish(self, unsent: memoryview, end: float) -> Any:
        """Send what is left; return the reply. TimeoutError at (monotonic) `end`, Ended if the child did."""
        reply = Assembler()
        poll = select.poll()
        if unsent:
            poll.register(self._requests, select.POLLOUT)
        poll.register(self._replies, select.POLLIN)
        poll.register(self._errors, select.POLLIN)  # looked at last and read first: it says why and replies
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError
            for descriptor, _ in reversed(poll.poll(left * 1000 + 1)):
                if descriptor == self._requests:
                    unsent = self._send(unsent)
                    if not unsent:
                        poll.unregister(self._requests)
                elif descriptor == self._errors:
                    if not self._listen():
                        poll.unregister(self._errors)
                elif (message := self._receive(reply)) is not None:
                    return message

    def _send(self, unsent: memoryview) -> memoryview:
        try:
            return unsent[os.write(self._requests, unsent) :]
        except BlockingIOError:
            return unsent
        except BrokenPipeError:
            raise self._ended("before it read the request") from None

    def _receive(self, reply: Assembler) -> Any:
        try:
            piece = os.read(self._replies, _CHUNK)
        except BlockingIOError:
            return None
        if not piece:
            raise self._ended("before it replied")
        reply.feed(piece)
        try:
            return reply.take()
        except Garbage as error:
            raise Ended(None, f"sent garbage: {error}") from error

    def _listen(self) -> bool:
        """Take in what the child says on standard error; False when it has closed it."""
        with contextlib.suppress(BlockingIOError):
            piece = os.read(self._errors, _CHUNK)
            self._said += piece
            return bool(piece)
        return True

    def said(self, *, last: bool = False) -> list[str]:
        """The lines on standard error since the last request was sent, up to its reply.

        `last`: also what came after it, or in its place.
        """
        if last:
            poll = select.poll()
            poll.register(self._errors, select.POLLIN)
            while any(event & select.POLLIN for _, event in poll.poll(0)) and self._listen():
                pass
        return [line for line in self._said.decode("utf-8", "replace").splitlines() if line.strip()]

    def _ended(self, when: str) -> Ended:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_REAP_SECONDS)
        status = self._child.poll()
        return Ended(status, f"the child process ended {when} ({_how(status)})")

    def kill(self) -> None:
        """Kill the child at once, from any thread; whoever waits for its reply gets Ended."""
        if self._owner == os.getpid():
            self._killed = True  # the kernel may take a moment
            self._child.kill()

    def discard(self) -> None:
        """Kill the child, reap it and close the pipes."""
        self.kill()
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                pipe.close()
        if self._owner == os.getpid():
            # A process stuck in the kernel cannot be waited for; the subprocess module reaps it later.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(_REAP_SECONDS)


def _how(status: int | None) -> str:
    if status is None:
        return "it closed its pipe"
    return f"signal {-status}" if status < 0 else f"exit status {status}"
