"""Two clocks: one for ages, which never goes back, and one for people, which is aware of its zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from autopyfactory.model.clock import SystemClock


def test_the_wall_time_is_utc_whatever_zone_the_machine_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(UTC)


def test_ages_are_not_of_the_wall_clock() -> None:
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)
    assert abs(clock.monotonic() - datetime.now(UTC).timestamp()) > 1e6  # it is not the time of day
