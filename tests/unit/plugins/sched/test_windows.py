"""Windows of time as people write them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.plugins.sched.windows import DailyHours, parse_hours, parse_window


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2026-12-01T08:00/2026-12-01T18:00", "2026-12-01T08:00", "2026-12-01T18:00"),
        (" 2026-12-01 / 2026-12-01 ", "2026-12-01", "2026-12-02"),
        ("20261201/20261203", "2026-12-01", "2026-12-04"),
        ("2026-12-01/2026-12-01T12:00", "2026-12-01", "2026-12-01T12:00"),
        ("2026-12-01T08:00+02:00/2026-12-01T08:00Z", "2026-12-01T06:00", "2026-12-01T08:00"),
        ("2026-12-01T00:00/2026-12-02T00:00", "2026-12-01", "2026-12-02"),
    ],
)
def test_a_window_is_in_utc_and_a_bare_last_day_is_all_of_it(text: str, start: str, end: str) -> None:
    found = parse_window(text)
    assert (found.start, found.end) == (utc(start), utc(end))


@pytest.mark.parametrize(
    "text", ["", "2026-12-01", "2026-12-02/2026-12-01", "2026-13-01/2026-12-01", "a/b",
             "2026-12-01T08:00/2026-12-01T08:00", "/2026-12-01"],
)  # fmt: skip
def test_what_is_no_window_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_window(text)


clock = st.times().map(lambda t: t.replace(second=0, microsecond=0))
YEAR = utc("2026-01-01").replace(tzinfo=None)
moments = st.integers(0, 366 * 1440).map(lambda n: YEAR + timedelta(minutes=n))


@given(clock, clock, st.sets(st.integers(0, 6), min_size=1), moments)
def test_hours_hold_from_their_start_for_their_length(
    start: time, end: time, days: set[int], now: datetime
) -> None:
    """The same by laying the window of each day on the line of time."""
    length = timedelta(hours=end.hour, minutes=end.minute) - timedelta(hours=start.hour, minutes=start.minute)
    length += timedelta(days=1) if length <= timedelta(0) else timedelta(0)
    within = False
    for back in (0, 1):
        day = now.date() - timedelta(days=back)
        begin = datetime.combine(day, start)
        within = within or (day.weekday() in days and begin <= now < begin + length)
    assert DailyHours(frozenset(days), start, end).holds(now) == within


@given(clock, clock, st.integers(0, 6), st.integers(0, 6))
def test_hours_are_read_as_they_are_told(start: time, end: time, first: int, last: int) -> None:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    found = parse_hours(f"{names[first]}-{names[last].upper()} {start:%H:%M}-{end:%H:%M}")
    assert (found.start, found.end) == (start, end)
    assert len(found.days) == (last - first) % 7 + 1
    assert {first, last} <= found.days
    assert parse_hours(f"{names[first]} {start:%H:%M}-{end:%H:%M}").days == {first}
    assert parse_hours(str(DailyHours(frozenset(range(7)), start, end))) == DailyHours(
        frozenset(range(7)), start, end
    )
