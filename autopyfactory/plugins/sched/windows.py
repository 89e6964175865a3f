"""Windows of time as users write them: moments for Downtime, hours of the day for Hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = re.compile(
    r"(?:(?P<first>[A-Za-z]{3})(?:-(?P<last>[A-Za-z]{3}))?\s+)?(?P<start>[\d:]+)-(?P<end>[\d:]+)"
)


@dataclass(frozen=True, slots=True)
class Window:
    """From one moment to another, both aware."""

    start: datetime
    end: datetime

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


def parse_window(text: str) -> Window:
    """Read `2026-12-01T08:00/2026-12-01T18:00`; UTC unless an offset is given, a bare last day is included.

    Raises ValueError that says what is wrong.
    """
    first, slash, last = (part.strip() for part in text.partition("/"))
    if not slash:
        raise ValueError(f"{text!r} is not START/END, like 2026-12-01T08:00/2026-12-01T18:00")
    try:
        start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    except ValueError as err:
        raise ValueError(f"{text!r}: {err}") from None
    if _is_day(last):
        end += timedelta(days=1)
    window = Window(_utc(start), _utc(end))
    if window.end <= window.start:
        raise ValueError(f"{text!r} ends before it starts")
    return window


def _is_day(text: str) -> bool:
    """Whether `text` names a day and no time of it, in any of ISO 8601's forms."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DailyHours:
    """Hours of some days of the week; a window that ends before it starts goes on past midnight."""

    days: frozenset[int]  # of its start; 0 is Monday
    start: time
    end: time

    def __str__(self) -> str:
        days = "" if len(self.days) == len(DAYS) else " ".join(DAYS[d] for d in sorted(self.days)) + " "
        return f"{days}{self.start:%H:%M}-{self.end:%H:%M}"

    def holds(self, local: datetime) -> bool:
        """Return whether the local time lies in this window."""
        now, today = local.time().replace(tzinfo=None), local.weekday()
        if self.start < self.end:
            return today in self.days and self.start <= now < self.end
        yesterday = (today - 1) % 7
        return (today in self.days and now >= self.start) or (yesterday in self.days and now < self.end)


def parse_hours(text: str) -> DailyHours:
    """Read `20:00-06:00` or `Mon-Fri 18:00-08:00` or `Sat 00:00-24:00`. Raises ValueError."""
    match = HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not [DAY[-DAY]] HH:MM-HH:MM, like Mon-Fri 20:00-06:00")
    return DailyHours(_days(match["first"], match["last"]), _time(match["start"]), _time(match["end"]))


def _time(text: str) -> time:
    if text == "24:00":
        return time(0, 0)
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time of the day, like 06:00") from None


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    try:
        start = DAYS.index(first.lower())
        end = start if last is None else DAYS.index(last.lower())
    except ValueError:
        raise ValueError(f"{first!r} or {last!r} is not a day; the days are {', '.join(DAYS)}") from None
    return frozenset((start + i) % 7 for i in range((end - start) % 7 + 1))
