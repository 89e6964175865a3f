"""Read just enough of an ELF file to know how it is to be relocated."""

import struct
from pathlib import Path

PT_DYNAMIC, PT_INTERP = 2, 3


def inspect(path: Path) -> tuple[bool, str | None]:
    """Return (is dynamically linked, its program interpreter or None).

    Anything that is not a 64-bit little-endian ELF file answers (False, None): scripts, data, archives.
    The layout is that of the System V ABI: program headers of 56 bytes, type in the first word.
    """
    with path.open("rb") as file:
        head = file.read(64)
        if len(head) < 64 or head[:6] != b"\x7fELF\x02\x01":
            return False, None
        offset, size, count = struct.unpack("<Q", head[32:40]) + struct.unpack("<HH", head[54:58])
        dynamic, interpreter = False, None
        for index in range(count):
            file.seek(offset + index * size)
            kind, _flags, start, _vaddr, _paddr, length = struct.unpack("<IIQQQQ", file.read(40))
            if kind == PT_DYNAMIC:
                dynamic = True
            elif kind == PT_INTERP:
                file.seek(start)
                interpreter = file.read(length).rstrip(b"\0").decode()
    return dynamic, interpreter
