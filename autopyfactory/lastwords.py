"""What a pilot's wrapper says of itself in the last line of its output: `APF-WRAPPER: payloads=3 ok=2 ...`."""

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
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return None
        file.seek(max(0, status.st_size - TAIL))
        lines = _LINE.findall(file.read(TAIL).decode(errors="replace"))
    if not lines:
        return None
    said = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word)
    number = said.get("payloads", "")
    return int(number) if number.isdecimal() else None
