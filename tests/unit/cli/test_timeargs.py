"""Times and durations as people write them."""

from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.cli.timeargs import duration, moment, whole

NOW = datetime(2026, 11, 22, 14, 30, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("15min", 900),
        ("15m", 900),
        ("2h30m", 9000),
        ("1.5h", 5400),
        ("8d", 691200),
        ("1w", 604800),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "h", "2x", "2 hours and", "-3h", "1h nonsense"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "past", "expected"),
    [
        ("now", False, NOW),
        ("2026-11-22T02:14", False, datetime(2026, 11, 22, 2, 14, tzinfo=UTC)),
        ("2026-11-22 02:14", True, datetime(2026, 11, 22, 2, 14, tzinfo=UTC)),
        ("2026-11-22T02:14Z", False, datetime(2026, 11, 22, 2, 14, tzinfo=UTC)),
        ("2026-11-22T02:14+01:00", False, datetime(2026, 11, 22, 1, 14, tzinfo=UTC)),
        ("2026-11-20", False, datetime(2026, 11, 20, tzinfo=UTC)),
        ("16:00", False, datetime(2026, 11, 22, 16, 0, tzinfo=UTC)),
        ("02:14", False, datetime(2026, 11, 23, 2, 14, tzinfo=UTC)),
        ("02:14", True, datetime(2026, 11, 22, 2, 14, tzinfo=UTC)),
        ("16:00", True, datetime(2026, 11, 21, 16, 0, tzinfo=UTC)),
        ("2h", False, NOW + timedelta(hours=2)),
        ("+2h", False, NOW + timedelta(hours=2)),
        ("2h", True, NOW - timedelta(hours=2)),
    ],
)
def test_moments(text: str, past: bool, expected: datetime) -> None:
    assert moment(text, NOW, past=past) == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "25:00", "2026-13-01", "noon"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|hour must be"):
        moment(text, NOW)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16:02", "16:02:59.999999"),
        ("16:02Z", "16:02:59.999999"),
        ("2026-11-22T16:02", "16:02:59.999999"),
        ("16:02:04", "16:02:04"),
        ("2026-11-22", "23:59:59.999999"),
        ("now", "18:30:00"),
    ],
)
def test_a_minute_that_is_named_is_all_of_that_minute(text: str, expected: str) -> None:
    now = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
    found = whole(text, now)
    assert found == datetime.fromisoformat(f"2026-11-22T{expected}+00:00")
