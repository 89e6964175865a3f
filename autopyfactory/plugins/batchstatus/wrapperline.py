"""How many payloads a pilot ran, as its output says: `APF-SUMMARY {...}` or `APF-WRAPPER: payloads=3 ...`."""

from __future__ import annotations

import re
from pathlib import Path

from autopyfactory.wrapper.summary import read, summary

_LINE = re.compile(r"^APF-WRAPPER: (.+)$", re.MULTILINE)


def payloads(output: Path) -> int | None:
    """Return how many payloads the pilot ran that wrote `output`; None when it does not say."""
    tail = read(output)
    if tail is None:
        return None
    told = summary(tail)
    if told is not None:
        return told.payloads
    lines = _LINE.findall(tail)
    if not lines:
        return None
    said = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word)
    number = said.get("payloads", "")
    return int(number) if number.isdecimal() else None
