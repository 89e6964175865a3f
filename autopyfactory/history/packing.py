"""Records as few bytes.

A record is about 1 kB of JSON, nearly all of it like the record before. Compressed alone it takes half of
that; compressed with a *dictionary*, a sample of this factory's own records that both sides have, a sixth.
Dictionaries are kept in the database beside the records, so no release has to ship or remember one.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from autopyfactory.plain import from_plain, to_plain
from autopyfactory.record import CycleRecord

LARGEST = 24 * 1024  # bytes of a dictionary; zlib looks back 32 kB at most
_POOR = 240  # bytes: a record that needs more is not covered by the dictionary yet


def encode(record: CycleRecord) -> bytes:
    """Return `record` as JSON. Raises TypeError for what has no plain form.

    The single endings of pilots are left out: they are many, each cycle has nearly the same, and what rules
    made of them is in the steps.
    """
    if record.inputs is not None and record.inputs.history is not None and record.inputs.history.ended:
        recent = replace(record.inputs.history, ended=())
        record = replace(record, inputs=replace(record.inputs, history=recent))
    return json.dumps(to_plain(record), separators=(",", ":"), ensure_ascii=False).encode()


def decode(text: bytes) -> CycleRecord:
    """Return the record that `text` holds. Raises ValueError when it cannot be read."""
    data: Any = json.loads(text)
    return from_plain(CycleRecord, data)


def compress(text: bytes, dictionary: bytes) -> bytes:
    """Return `text` compressed; needs the same `dictionary` (may be empty) to come back."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, dictionary)
    return packer.compress(text) + packer.flush()


def decompress(packed: bytes, dictionary: bytes) -> bytes:
    """Return what was compressed. Raises ValueError when the data or the dictionary is not right."""
    unpacker = zlib.decompressobj(-15, zdict=dictionary)
    try:
        return unpacker.decompress(packed) + unpacker.flush()
    except zlib.error as err:
        raise ValueError(f"a record cannot be unpacked: {err}") from err


def train(samples: Iterable[bytes]) -> bytes:
    """Return a dictionary that suits `samples`: those which the others do not cover already."""
    chosen = b""
    for text in samples:
        if len(chosen) + len(text) <= LARGEST and len(compress(text, chosen)) > _POOR:
            chosen = (
                text + chosen
            )  # what lies nearer to the end is cheaper to point at: the first stays there
    return chosen


def cost(samples: Iterable[bytes], dictionary: bytes) -> int:
    """Return the bytes that `samples` take with `dictionary`."""
    return sum(len(compress(text, dictionary)) for text in samples)
