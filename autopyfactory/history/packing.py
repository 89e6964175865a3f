"""Records as few bytes.

A record is about 1 kB of JSON, nearly all of it like the record before. Compressed alone it takes half of
that; compressed with a *dictionary*, trained on this factory's own records, a tenth. Dictionaries are kept
in the database beside the records, so no release has to ship or remember one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import zstandard

from autopyfactory.model.record import CycleRecord, Event
from autopyfactory.model.serialize import from_plain, to_plain

DICTIONARY = 64 * 1024  # bytes, at most
LEVEL = 12  # beyond it each record takes longer and is hardly smaller
USUAL = 2048  # bytes of a record: tables made for that take 1 MB, not 42, and are quicker to go through
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
LARGEST = 16 * 1024 * 1024  # bytes of a record; what claims to be more is damaged


def encode(record: CycleRecord) -> bytes:
    """Return `record` as JSON. Raises TypeError for what has no plain form.

    The single starts and endings of pilots are left out: they are many, each cycle has nearly the same, and
    what rules made of them is in the steps.
    """
    recent = record.inputs.history if record.inputs is not None else None
    if record.inputs is not None and recent is not None and (recent.ended or recent.starts):
        recent = replace(recent, ended=recent.ended and (), starts=())
        record = replace(record, inputs=replace(record.inputs, history=recent))
    return as_json(record)


def as_json(event: Event) -> bytes:
    """Return `event` as JSON, in UTF-8. Raises TypeError for what has no plain form, and UnicodeError."""
    return _JSON.encode(to_plain(event)).encode()


def decode(text: bytes) -> CycleRecord:
    """Return the record that `text` holds. Raises ValueError when it cannot be read."""
    data: Any = json.loads(text)
    return from_plain(CycleRecord, data)


class Packer:
    """Compresses and decompresses with one dictionary; an empty one works too. For one thread at a time."""

    def __init__(self, dictionary: bytes = b""):
        self.dictionary = dictionary
        known = zstandard.ZstdCompressionDict(dictionary) if dictionary else None
        # frames without what we know anyway: a record has only some hundred bytes
        form = zstandard.FORMAT_ZSTD1_MAGICLESS
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL,
            source_size=USUAL,
            dict_size=len(dictionary),
            format=form,
            write_content_size=False,
            write_dict_id=False,
            write_checksum=False,
        )
        if known is not None:
            known.precompute_compress(compression_params=parameters)
        self._compressor = zstandard.ZstdCompressor(dict_data=known, compression_params=parameters)
        self._decompressor = zstandard.ZstdDecompressor(dict_data=known, format=form)

    def pack(self, text: bytes) -> bytes:
        """Return `text` compressed."""
        return self._compressor.compress(text)

    def unpack(self, packed: bytes) -> bytes:
        """Return what was compressed. Raises ValueError when the data or the dictionary is not right."""
        try:
            # what a frame says of its size is allocated before anything is looked at; ours say nothing
            size = zstandard.get_frame_parameters(
                packed, format=zstandard.FORMAT_ZSTD1_MAGICLESS
            ).content_size
            if LARGEST < size != zstandard.CONTENTSIZE_UNKNOWN:
                raise ValueError("a record claims to be larger than any is")
            return self._decompressor.decompress(packed, max_output_size=LARGEST)
        except zstandard.ZstdError as err:
            raise ValueError(f"a record cannot be unpacked: {err}") from err

    def cost(self, samples: Iterable[bytes]) -> int:
        """Return the bytes that `samples` take."""
        return sum(len(self.pack(text)) for text in samples)


def train(samples: Sequence[bytes]) -> bytes:
    """Return a dictionary that suits `samples`."""
    try:
        return bytes(zstandard.train_dictionary(DICTIONARY, list(samples)).as_bytes())
    except zstandard.ZstdError:  # too few to learn from: they serve as they are
        return b"".join(samples)[-DICTIONARY:]
