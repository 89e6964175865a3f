"""Numbers and times as people read them, and what others wrote, fit for every place where it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

# What a terminal, a log, a page or a database takes for something else than text: control characters, what
# turns the direction of writing, ends a line without looking like it or cannot be seen, half characters.
_UNFIT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
)
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def count(n: int, noun: str) -> str:
    """Return `1 pilot`, `3 pilots`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def are(n: int) -> str:
    """Return the verb for `n` of something: `is`, `are`."""
    return "is" if n == 1 else "are"


def some(names: Sequence[str], most: int = 5) -> str:
    """Return `a, b and 7 more`: at most `most` names."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def span(seconds: float) -> str:
    """Return a duration with its two largest units: `45 s`, `5 min`, `2 h 10 min`, `3 d 4 h`."""
    left = max(0, round(seconds))
    parts: list[str] = []
    for size, unit in _UNITS:
        n, left = divmod(left, size)
        if n or parts:
            parts.append(f"{n} {unit}" if n else "")
        if len(parts) == 2:
            break
    return " ".join(p for p in parts if p) or "0 s"


def clock(when: datetime, now: datetime) -> str:
    """Return a moment in UTC, the day only when it is not today's: `02:14Z`, `2026-11-21 02:14Z`."""
    return f"{when:%H:%MZ}" if when.date() == now.date() else f"{when:%Y-%m-%d %H:%MZ}"


def since(when: datetime | None, now: datetime) -> str:
    """Return `, since 02:14Z`; nothing when that is not known."""
    return f", since {clock(when, now)}" if when else ""


def sentence(text: str) -> str:
    """Return `text` with a full stop, if it has none."""
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."


def capital(text: str) -> str:
    """Return `text` with its first letter large, unless that is part of a name like `e1.example.org`."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text


def visible(text: str) -> str:
    """Return `text` with everything that is not text for a person written out: `\\x1b`, `\\u202e`.

    All that others wrote passes here before a terminal, a log, a page or a database; line ends and tabs stay.
    """
    return _UNFIT.sub(_written_out, text)


def printable(text: str, longest: int | None = None) -> str:
    """Return `visible` text on one line, of at most `longest` characters."""
    line = visible(" ".join(text.split()))
    return line if longest is None or len(line) <= longest else f"{line[: max(0, longest - 3)]}..."


def is_one_line(text: str) -> bool:
    """Whether `text` is one line that `visible` leaves as it is."""
    return not _UNFIT.search(text) and "\n" not in text and "\t" not in text


def _written_out(hit: re.Match[str]) -> str:
    code = ord(hit[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
