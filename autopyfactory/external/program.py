"""Run a program within a time limit, whatever it and its children do."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autopyfactory.model.redact import hidden
from autopyfactory.model.text import printable


class ProgramError(Exception):
    """A program could not be run to a good end; the text says why."""


class NotStarted(ProgramError):
    """The program was not started at all: it has done nothing."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a program that ended well has written."""

    stdout: bytes
    stderr: bytes


def run(
    command: Sequence[str],
    timeout: float,
    max_bytes: int = 32_000_000,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Output:
    """Run `command` (no shell) and return its output; it and its process group are dead when this returns.

    `stdin` is what it reads there (at most 60 kB, what a pipe takes at once): the place for what is secret,
    since everybody sees the words of a command.

    Raises NotStarted when it cannot be started, ProgramError when it does not end within `timeout` seconds,
    writes more than `max_bytes` or ends with another code than 0.
    """
    source = _filled(stdin) if stdin else subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            command,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=dict(environment) if environment is not None else None,
        )
    except (OSError, ValueError) as err:
        raise NotStarted(f"{command[0]} cannot be started: {getattr(err, 'strerror', None) or err}") from None
    finally:
        if stdin:
            os.close(source)
    try:
        stdout, stderr = _collect(process, time.monotonic() + timeout, max_bytes)
    except TimeoutError:
        raise ProgramError(f"{command[0]} did not end within {timeout:g} s") from None
    finally:
        _end(process)
    if process.returncode is None:
        raise ProgramError(f"{command[0]} ended, but cannot be waited for")
    if process.returncode != 0:
        words = hidden(printable(stderr[-300:].decode("utf-8", "replace"))) or "no word on stderr"
        raise ProgramError(f"{command[0]} ended with {_code(process.returncode)}: {words}")
    return Output(stdout, stderr)


def _filled(data: bytes) -> int:
    """Return the reading end of a pipe that holds `data` and then ends."""
    if len(data) > 60_000:
        raise ValueError("more than a pipe takes at once")
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(data)
    return reading


def _code(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole process group, then collect the program."""
    # The program is collected after the kill only: until then nobody else can get its process group's number.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: Popen collects it later
        process.wait(2)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Return whether the program has ended, without collecting it."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _collect(process: subprocess.Popen[bytes], until: float, max_bytes: int) -> tuple[bytes, bytes]:
    """Read both pipes until the program has ended and nothing is left in them."""
    assert process.stdout is not None and process.stderr is not None
    texts = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in texts:
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            seconds = until - time.monotonic()
            if seconds <= 0:
                raise TimeoutError
            ended = _ended(process)  # asked before the pipes are: what it wrote last is then in them
            ready = selector.select(0 if ended else min(0.05, seconds))
            if ended and not ready:  # a child in the background may still hold the pipes: not waited for
                return bytes(texts[process.stdout.fileno()]), bytes(texts[process.stderr.fileno()])
            for key, _ in ready:
                part = os.read(key.fd, 65536)
                if not part:
                    selector.unregister(key.fd)
                texts[key.fd] += part
                if len(texts[key.fd]) > max_bytes:
                    raise ProgramError(f"more than {max_bytes} bytes were written")
