"""Requests and answers as lines of JSON, with limits to their size."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

from autopyfactory.model.serialize import to_plain

REQUEST_BYTES = 64 * 1024
ANSWER_BYTES = 64 * 1024 * 1024


class ProtocolError(Exception):
    """The other side sent what is not a line of JSON of the agreed form, or too much of it."""


def encode(message: Any) -> bytes:
    """Return `message` as one line; raises TypeError for what has no plain form."""
    return json.dumps(message, default=to_plain, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Return the message in `line`. Raises ProtocolError."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as err:
        raise ProtocolError(f"not JSON: {err}") from err
    if not isinstance(message, dict):
        raise ProtocolError("not a JSON object")
    return message


class Lines:
    """Lines from a socket, each within a size and a time."""

    def __init__(self, connection: socket.socket, limit: int):
        self._connection = connection
        self._limit = limit
        self._buffer = bytearray()

    def next(self, timeout: float) -> bytes | None:
        """Return the next line without its end, None at the end of the connection.

        Raises TimeoutError after `timeout` seconds in all, ProtocolError for a line that is too long.
        """
        deadline = time.monotonic() + timeout
        seen = 0
        while (end := self._buffer.find(b"\n", seen)) < 0:
            seen = len(self._buffer)
            if seen > self._limit:
                raise ProtocolError(f"a line is longer than {self._limit} bytes")
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("no complete line in time")
            self._connection.settimeout(left)
            data = self._connection.recv(65536)
            if not data:
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line
