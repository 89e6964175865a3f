"""Messages on the pipe between the factory and a child process: a length (8 bytes, big endian), then JSON."""

from __future__ import annotations

import json
import struct
from typing import Any

_LENGTH = struct.Struct("!Q")
# A hundred thousand full job ads are below this; more is not an answer but garbage on the pipe.
LARGEST = 1 << 30


class Garbage(ValueError):
    """What came through the pipe is not a message."""


_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack(message: object) -> bytes:
    """The bytes that carry a JSON-able message."""
    body = _encode(message).encode()
    return _LENGTH.pack(len(body)) + body


class Assembler:
    """Puts the pieces that a pipe delivers together again."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, piece: bytes) -> None:
        """Add what was read."""
        self._received += piece

    @property
    def empty(self) -> bool:
        """True if no byte of a message has arrived."""
        return not self._received

    def take(self) -> Any:
        """The next complete message, or None while it is incomplete. Raises Garbage."""
        if len(self._received) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._received)
        if length > LARGEST:
            raise Garbage(f"a message of {length} bytes was announced")
        end = _LENGTH.size + length
        if len(self._received) < end:
            return None
        body = self._received[_LENGTH.size : end]
        del self._received[:end]
        try:
            return json.loads(body)
        except ValueError as error:
            raise Garbage(str(error)) from error
