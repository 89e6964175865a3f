"""How many payloads a pilot ran, as an older wrapper's last line says: `APF-WRAPPER: payloads=3 ...`."""

from __future__ import annotations

import re

_LINE = re.compile(r"^APF-WRAPPER: (.+)$", re.MULTILINE)


def payloads(text: str) -> int | None:
    """Return how many payloads the pilot ran that wrote `text`; None when it does not say."""
    lines = _LINE.findall(text)
    if not lines:
        return None
    said = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word)
    number = said.get("payloads", "")
    return int(number) if number.isdecimal() and len(number) < 10 else None
