"""Packed files: any part is the part of the original, and what is damaged is told and costs little."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.logs import packed
from autopyfactory.logs.packed import Damaged, Frames

PIECES = st.lists(st.binary(min_size=1, max_size=40), max_size=6)


@contextmanager
def file(data: bytes = b"") -> Iterator[int]:
    with tempfile.TemporaryFile() as one:
        one.write(data)
        one.flush()
        yield one.fileno()


def image(pieces: list[bytes]) -> bytes:
    with file() as handle:
        packed.pack(pieces, handle)
        return os.pread(handle, 1 << 24, 0)


@given(PIECES, st.integers(0, 250), st.integers(0, 250))
def test_every_part_is_that_of_the_original(pieces: list[bytes], start: int, length: int) -> None:
    whole = b"".join(pieces)
    with file() as handle:
        made = packed.pack(pieces, handle)
        where = packed.frames(handle)
        assert where == made
        assert where.size == len(whole)
        assert b"".join(packed.unpacked(handle)) == whole
        assert packed.read(handle, where, start, length) == whole[start : start + length]


@given(PIECES)
def test_the_usual_tools_read_it(pieces: list[bytes]) -> None:
    with zstandard.ZstdDecompressor().stream_reader(image(pieces), read_across_frames=True) as reader:
        assert reader.read() == b"".join(pieces)


def test_a_plain_file_comes_in_frames() -> None:
    data = os.urandom(100) * (packed.FRAME // 50)
    with file(data) as handle, file() as target:
        sizes = packed.pack(packed.pieces_of(handle), target).sizes
        assert [plain for _, plain in sizes] == [packed.FRAME, len(data) - packed.FRAME]
        assert b"".join(packed.unpacked(target)) == data
        assert (
            packed.read(target, packed.frames(target), packed.FRAME - 5, 10)
            == data[packed.FRAME - 5 : packed.FRAME + 5]
        )


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=4), st.data())
def test_what_is_cut_is_told_and_what_is_changed_is_no_more_text_than_there_was(
    pieces: list[bytes], data: st.DataObject
) -> None:
    """A bit of a letter may turn unseen, as in any plain file; sizes that do not fit are told."""
    whole = image(pieces)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with file(whole[:cut]) as handle, pytest.raises(Damaged):
        packed.frames(handle)
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    changed = bytearray(whole)
    changed[at] ^= 1 << bit
    with file(bytes(changed)) as handle:
        try:
            found = b"".join(packed.unpacked(handle))
        except Damaged:
            return
        assert len(found) == len(b"".join(pieces))


@given(st.binary(max_size=80))
def test_a_file_of_something_else_is_told(junk: bytes) -> None:
    with file(junk) as handle, pytest.raises(Damaged):
        packed.frames(handle)


def claim(frames: int, room: int) -> Iterator[int]:
    """A file that says that it has so many frames; it takes no room on the disk."""
    with file() as handle:
        os.ftruncate(handle, room)
        os.pwrite(handle, packed._FOOTER.pack(frames, 0, packed._SEEKABLE), room - packed._FOOTER.size)
        yield handle


def test_a_table_that_would_fill_the_memory_is_not_read() -> None:
    for handle in claim(1 << 31, 1 << 36):
        with pytest.raises(Damaged, match="too many frames"):
            packed.frames(handle)


@pytest.mark.parametrize("sizes", [(1 << 30, 10), (20, 1 << 31), (20, 11)])
def test_a_frame_that_says_too_much_of_itself_is_not_unpacked(sizes: tuple[int, int]) -> None:
    frame = zstandard.ZstdCompressor().compress(b"ten bytes.")
    with file(frame) as handle, pytest.raises(Damaged):
        packed.read(handle, Frames((sizes,)), 0, 1 << 40)
