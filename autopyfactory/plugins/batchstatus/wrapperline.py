"""What a wrapper says in the last line of a pilot's output: `APF-WRAPPER: payloads=3 ok=2 ...`."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

TAIL = 4096  # bytes at the end of the output that are looked at
_LINE = re.compile(r"^APF-WRAPPER: (.+)$", re.MULTILINE)


def payloads(output: Path) -> int | None:
    """Return how many payloads the pilot ran that wrote `output`; None when it does not say."""
    try:
        # O_NONBLOCK: whatever else somebody has put in that place must not keep us waiting
        descriptor = os.open(output, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:  # kept elsewhere, cleaned away, or not ours to read: then it does not say
        return None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        tail = os.pread(descriptor, TAIL, max(0, status.st_size - TAIL))
    finally:
        os.close(descriptor)
    lines = _LINE.findall(tail.decode(errors="replace"))
    if not lines:
        return None
    said = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word)
    number = said.get("payloads", "")
    return int(number) if number.isdecimal() else None
