"""The body of an answer: read in pieces and unpacked by ourselves, within a size and the exchange's time.

Libraries unpack a piece as a whole, whatever it grows to: 130 kB of zstd became 4 GB in memory. Here
nothing but gzip is unpacked, and never more than a piece at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from autopyfactory.external.deadline import left

PIECE = 65_536
ACCEPTED = "gzip"  # what we ask for in Accept-Encoding
_AS_IT_IS = ("", "identity")
_GZIP = ("gzip", "x-gzip")


class BodyError(Exception):
    """A body that is not taken; the text says why. `broken`: it broke off, asking again may help."""

    def __init__(self, text: str, *, broken: bool = False):
        super().__init__(text)
        self.broken = broken


def collect(pieces: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """Return the whole body of at most `limit` bytes, unpacked as `encoding` (Content-Encoding) says.

    Raises BodyError, and TimeoutError when the time for the exchange is over.
    """
    packing = encoding.strip().lower()
    if packing in _AS_IT_IS:
        unpacked: Iterable[bytes] = pieces
    elif packing in _GZIP:
        unpacked = _gunzip(pieces)
    else:
        raise BodyError(f"is packed with {packing:.40}, which was not asked for")
    body = bytearray()
    for piece in unpacked:
        left()
        body += piece
        if len(body) > limit:
            raise BodyError(f"sends more than {limit} bytes")
    return bytes(body)


def _gunzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    member = _member()
    for piece in pieces:
        data = piece
        while data:
            if member.eof:  # another member follows, or zeros that fill up
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = _member()
            try:
                yield member.decompress(data, PIECE)
            except zlib.error as err:
                raise BodyError(f"broken gzip: {err}", broken=True) from None
            data = member.unused_data if member.eof else member.unconsumed_tail
    while not member.eof:  # what it holds back: at most a piece at a time
        rest = member.decompress(member.unconsumed_tail, PIECE)
        if not rest:
            raise BodyError("the answer broke off: its gzip has no end", broken=True)
        yield rest


def _member() -> zlib._Decompress:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
