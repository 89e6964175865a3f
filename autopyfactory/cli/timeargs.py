"""Times and durations as people write them, and click's side of them.

Times without a zone are UTC, like all that are printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import click

_UNITS = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")


def duration(text: str) -> timedelta:
    """Return `90s`, `15min`, `2h30m`, `8d`; a bare number is seconds. Raises ValueError."""
    rest = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", rest):
        return timedelta(seconds=float(rest))
    if not rest or _PART.sub("", rest).strip():
        raise ValueError(f"{text!r} is not a duration, such as 90s, 15min, 2h30m, 8d")
    return timedelta(seconds=sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(rest)))


def moment(text: str, now: datetime, *, past: bool = False) -> datetime:
    """Return the time that `text` means at `now`, in UTC. Raises ValueError.

    `2026-11-22T02:14`, `2026-11-22 02:14`, `2026-11-22`, `02:14` (the next one, or the last with `past`),
    `+2h` and `2h` (from now on, or ago with `past`), `now`.
    """
    words = text.strip()
    if words.lower() == "now":
        return now
    clock = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*[zZ]?", words)
    if clock:
        return _next(clock, now, past=past)
    try:
        found = datetime.fromisoformat(words.replace("Z", "+00:00").replace("z", "+00:00"))
    except ValueError:
        pass
    else:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    try:
        step = duration(words.lstrip("+-"))
    except ValueError:
        raise ValueError(f"{text!r} is not a time, such as 2026-11-22T02:14, 02:14 (UTC) or 2h") from None
    return now - step if past else now + step


def whole(text: str, now: datetime) -> datetime:
    """Return the last instant of the past minute or day that `text` names; else what `moment` does.

    The cycle of 16:02:04 is one of 16:02, as all times that are printed.
    """
    found = moment(text, now, past=True)
    words = text.strip().rstrip("zZ").rstrip()
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words):
        return found + timedelta(days=1, microseconds=-1)
    if re.fullmatch(r"(\d{4}-\d{2}-\d{2}[T ])?\d{1,2}:\d{2}", words):
        return found + timedelta(minutes=1, microseconds=-1)
    return found


def _next(clock: re.Match[str], now: datetime, *, past: bool) -> datetime:
    hour, minute, second = (int(part or 0) for part in clock.groups())
    found = now.astimezone(UTC).replace(hour=hour, minute=minute, second=second, microsecond=0)
    if past and found > now:
        found -= timedelta(days=1)
    if not past and found <= now:
        found += timedelta(days=1)
    return found


def _converter(
    read: Callable[[str], object],
) -> Callable[[click.Context, click.Parameter, str | None], object]:
    def convert(_ctx: click.Context, _param: click.Parameter, value: str | None) -> object:
        if value is None:
            return None
        try:
            return read(value)
        except (ValueError, OverflowError) as err:
            raise click.BadParameter(str(err)) from err

    return convert


def _past(text: str) -> datetime:
    return moment(text, datetime.now(UTC), past=True)


def _whole(text: str) -> datetime:
    return whole(text, datetime.now(UTC))


def _future(text: str) -> datetime:
    return moment(text, datetime.now(UTC))


def _span(text: str) -> timedelta:
    return duration(text)


past_time = _converter(_past)
past_minute = _converter(_whole)
future_time = _converter(_future)
time_span = _converter(_span)
