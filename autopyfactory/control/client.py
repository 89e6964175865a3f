"""Sends one command to the running factory."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from autopyfactory.control.place import connect
from autopyfactory.control.protocol import ANSWER_BYTES, REQUEST_BYTES, Lines, ProtocolError, decode, encode


class ControlError(Exception):
    """The factory refused the command, or cannot be asked; the text says why."""


class NotRunning(ControlError):
    """No factory answers at the socket."""


class _Busy(Exception):
    """More ask just now than may: nothing was done. The text says so."""


AGAIN = 0.02, 0.5  # seconds until a busy factory is asked again: at first, and at most


def call(socket_path: str | os.PathLike[str], command: str, timeout: float = 10.0, **arguments: Any) -> Any:
    """Return the factory's answer to `command`, within `timeout` seconds in all.

    One that is busy is asked again as long. Raises NotRunning when no factory listens at `socket_path`,
    ControlError when it refuses, does not answer in time, is busy, or may not be asked by this user.
    """
    path = Path(socket_path)
    deadline = time.monotonic() + timeout
    request = encode({"command": command, "arguments": arguments})
    if len(request) > REQUEST_BYTES:
        raise ControlError(f"the arguments of {command} are longer than {REQUEST_BYTES} bytes")
    pause, most = AGAIN
    busy = ""
    try:
        while True:
            try:
                return _asked(path, request, deadline)
            except _Busy as err:
                busy = f": it is {err}"
                if time.monotonic() + pause > deadline:
                    raise TimeoutError from err
                time.sleep(pause)
                pause = min(most, 2 * pause)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as err:
        raise NotRunning(f"no factory answers at {path}") from err
    except PermissionError as err:
        raise ControlError(f"this user may not command the factory ({path})") from err
    except TimeoutError as err:
        raise ControlError(f"the factory did not answer {command} within {timeout:g} s{busy}") from err
    except (OSError, ProtocolError) as err:
        raise ControlError(f"the factory cannot be asked at {path}: {err}") from err


def _asked(path: Path, request: bytes, deadline: float) -> Any:
    """Return the answer to `request` by monotonic time `deadline`. Raises _Busy, OSError, ControlError."""
    try:
        connection = connect(path, max(0.01, deadline - time.monotonic()))
    except BlockingIOError as err:  # as many as may wait at the door
        raise _Busy("busy: too many ask at once") from err
    with connection:
        try:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            connection.sendall(request)
        except BrokenPipeError:
            pass  # it was turned away before it had spoken: why can be read
        line = Lines(connection, ANSWER_BYTES).next(max(0.01, deadline - time.monotonic()))
    return _result(line)


def _result(line: bytes | None) -> Any:
    if line is None:
        raise ControlError("the factory ended before it answered")
    try:
        answer = decode(line)
    except ProtocolError as err:
        raise ControlError(f"the answer makes no sense: {err}") from err
    if answer.get("ok") is True:
        return answer.get("result")
    if answer.get("busy") is True:
        raise _Busy(str(answer.get("error")))
    raise ControlError(str(answer.get("error", "refused without a reason")))
