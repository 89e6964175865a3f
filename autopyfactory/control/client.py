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


def call(socket_path: str | os.PathLike[str], command: str, timeout: float = 10.0, **arguments: Any) -> Any:
    """Return the factory's answer to `command`, within `timeout` seconds in all.

    Raises NotRunning when no factory listens at `socket_path`, ControlError when it refuses, does not answer
    in time, or may not be asked by this user.
    """
    path = Path(socket_path)
    deadline = time.monotonic() + timeout
    request = encode({"command": command, "arguments": arguments})
    if len(request) > REQUEST_BYTES:
        raise ControlError(f"the arguments of {command} are longer than {REQUEST_BYTES} bytes")
    try:
        with connect(path, timeout) as connection:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            connection.sendall(request)
            line = Lines(connection, ANSWER_BYTES).next(max(0.01, deadline - time.monotonic()))
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as err:
        raise NotRunning(f"no factory answers at {path}") from err
    except PermissionError as err:
        raise ControlError(f"this user may not command the factory ({path})") from err
    except TimeoutError as err:
        raise ControlError(f"the factory did not answer {command} within {timeout:g} s") from err
    except (OSError, ProtocolError) as err:
        raise ControlError(f"the factory cannot be asked at {path}: {err}") from err
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
    raise ControlError(str(answer.get("error", "refused without a reason")))
