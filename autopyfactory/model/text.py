"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def count(n: int, noun: str) -> str:
    """Return `1 pilot`, `3 pilots`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


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
