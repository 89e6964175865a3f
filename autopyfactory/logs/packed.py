"""Files compressed with zstd in frames of their own, so that any part is read without what is before it.

The format is zstd's seekable one (facebook/zstd, contrib/seekable_format): ordinary frames, and behind them a
skippable frame with the sizes of each. `zstd -d` and `zstdcat` read such a file like any other.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import zstandard

SUFFIX = ".zst"
PARTIAL = f"{SUFFIX}.part"  # ends the name of a file that is being written, which begins with a dot
FRAME = 1 << 20  # bytes of the original in one frame
LEVEL = 3
MOST = 1 << 20  # frames of one file, 1 TiB: the table of more is not read into memory
_SKIPPABLE, _SEEKABLE = 0x184D2A5E, 0x8F92EAB1
_HEAD, _ENTRY, _FOOTER = struct.Struct("<II"), struct.Struct("<II"), struct.Struct("<IBI")


class Damaged(Exception):
    """A file is none of ours, or not whole; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Frames:
    """Where in a packed file the parts of the original are: bytes packed and unpacked of each frame."""

    sizes: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Return the bytes of the original."""
        return sum(unpacked for _, unpacked in self.sizes)


def pack(pieces: Iterable[bytes], target: int) -> Frames:
    """Write `pieces` (FRAME bytes each at most) to the file open as `target`. Raises OSError."""
    packer = zstandard.ZstdCompressor(level=LEVEL)
    sizes = []
    for piece in pieces:
        packed = packer.compress(piece)
        _write(target, packed)
        sizes.append((len(packed), len(piece)))
    table = b"".join(_ENTRY.pack(*size) for size in sizes) + _FOOTER.pack(len(sizes), 0, _SEEKABLE)
    _write(target, _HEAD.pack(_SKIPPABLE, len(table)) + table)
    return Frames(tuple(sizes))


def pieces_of(handle: int) -> Iterator[bytes]:
    """Yield what is in the plain file open as `handle`, in pieces as `pack` takes them. Raises OSError."""
    at = 0
    while piece := os.pread(handle, FRAME, at):
        yield piece
        at += len(piece)


def unpacked(handle: int) -> Iterator[bytes]:
    """Yield the original of the packed file open as `handle`, in the same pieces. Raises Damaged, OSError."""
    start = 0
    for packed, plain in frames(handle).sizes:
        yield _frame(handle, start, packed, plain)
        start += packed


def frames(handle: int) -> Frames:
    """Return where the parts are in the file open as `handle`. Raises Damaged, OSError."""
    length = os.fstat(handle).st_size
    end = os.pread(handle, _FOOTER.size, max(0, length - _FOOTER.size))
    if len(end) < _FOOTER.size:
        raise Damaged("it is too short")
    number, kind, magic = _FOOTER.unpack(end)
    room = length - _FOOTER.size - _HEAD.size
    if magic != _SEEKABLE or kind != 0 or number * _ENTRY.size > room:
        raise Damaged("it does not end with a table of its frames")
    if number > MOST:
        raise Damaged("it says that it has too many frames")
    table = os.pread(handle, number * _ENTRY.size, length - _FOOTER.size - number * _ENTRY.size)
    sizes = tuple(_ENTRY.iter_unpack(table)) if len(table) == number * _ENTRY.size else ()
    if len(sizes) != number or sum(packed for packed, _ in sizes) != room - number * _ENTRY.size:
        raise Damaged("the table of its frames is wrong")
    return Frames(tuple((packed, plain) for packed, plain in sizes))


def read(handle: int, where: Frames, start: int, length: int) -> bytes:
    """Return `length` bytes of the original from `start`, fewer at its end. Raises Damaged, OSError."""
    parts, at, place = [], 0, 0
    for packed, plain in where.sizes:
        if at >= start + length:
            break
        if at + plain > start:
            data = _frame(handle, place, packed, plain)
            parts.append(data[max(0, start - at) : start + length - at])
        at, place = at + plain, place + packed
    return b"".join(parts)


def replace(folder: int, name: str) -> int:
    """Put the compressed form in the place of a file in the open `folder`; return the bytes that saves.

    What was compressed of it before stays in front. Its time and permissions stay. Raises OSError, Damaged.
    """
    source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        about = os.fstat(source)
        earlier = _open_or_none(name + SUFFIX, folder)
        try:
            if earlier is not None and os.fstat(earlier).st_mtime_ns == about.st_mtime_ns:
                frames(earlier)  # it is whole: a pass was cut short before the next line
            else:
                _write_packed(folder, name, source, about, earlier)
        finally:
            if earlier is not None:
                os.close(earlier)
        os.unlink(name, dir_fd=folder)
        return about.st_size - os.stat(name + SUFFIX, dir_fd=folder).st_size
    finally:
        os.close(source)


def _write_packed(folder: int, name: str, source: int, about: os.stat_result, earlier: int | None) -> None:
    part = f".{name}{PARTIAL}"
    with suppress(FileNotFoundError):
        os.unlink(part, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    target = os.open(part, flags, stat.S_IMODE(about.st_mode), dir_fd=folder)
    try:
        if os.geteuid() == 0:
            os.fchown(target, about.st_uid, about.st_gid)
        os.fchmod(target, stat.S_IMODE(about.st_mode))
        pack(_joined(earlier, source), target)
        os.utime(target, ns=(about.st_atime_ns, about.st_mtime_ns))
        os.fsync(target)
        now = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if (now.st_mtime_ns, now.st_size, now.st_ino) != (about.st_mtime_ns, about.st_size, about.st_ino):
            raise OSError("it is written to")
        os.rename(part, name + SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part, dir_fd=folder)
        raise
    finally:
        os.close(target)


def _joined(earlier: int | None, source: int) -> Iterator[bytes]:
    if earlier is not None:
        yield from unpacked(earlier)
    yield from pieces_of(source)


def _open_or_none(name: str, folder: int) -> int | None:
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    except FileNotFoundError:
        return None


def _frame(handle: int, place: int, packed: int, plain: int) -> bytes:
    if plain > FRAME or packed > FRAME + (FRAME >> 7) + 1024:  # zstd's bound for what cannot be compressed
        raise Damaged("a frame is too large")
    data = os.pread(handle, packed, place)
    try:
        if zstandard.frame_content_size(data) != plain:  # it is allocated before a byte is looked at
            raise Damaged("a frame has another size than the table says")
        data = zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as err:
        raise Damaged(f"a frame cannot be read: {err}") from err
    return data


def _write(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
