"""Pilots at certain hours only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autopyfactory.model.decision import CycleInputs
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.sched.hours import Hours


def at(text):
    return CycleInputs("Q", now=datetime.fromisoformat(text).replace(tzinfo=UTC))


class TestHours:
    @pytest.mark.parametrize(
        ("hours", "now", "expected"),
        [
            ("20:00-06:00", "2026-11-23T19:59:00", 0),  # a Monday
            ("20:00-06:00", "2026-11-23T20:00:00", 5),
            ("20:00-06:00", "2026-11-23T05:59:59", 5),
            ("20:00-06:00", "2026-11-23T06:00:00", 0),
            ("Mon-Fri 20:00-06:00", "2026-11-23T03:00:00", 0),  # began on Sunday
            ("Mon-Fri 20:00-06:00", "2026-11-28T03:00:00", 5),  # began on Friday
            ("Fri-Mon 00:00-24:00", "2026-11-22T12:00:00", 5),
            ("Fri-Mon 00:00-24:00", "2026-11-24T12:00:00", 0),
            ("sat 00:00-24:00, 12:00-13:00", "2026-11-24T12:30:00", 5),
        ],
    )
    def test_hours(self, make, hours, now, expected):
        assert make(Hours, **{"sched.hours.open": hours}).calc(5, at(now)).n_out == expected

    def test_local_time_follows_summer_time(self, make):
        rule = make(Hours, **{"sched.hours.open": "08:00-18:00", "sched.hours.timezone": "Europe/Zurich"})
        assert rule.calc(5, at("2026-07-01T06:30:00")).n_out == 5
        assert rule.calc(5, at("2026-12-01T06:30:00")).n_out == 0

    def test_some_outside(self, make):
        rule = make(Hours, **{"sched.hours.open": "08:00-18:00", "sched.hours.outside": 2})
        assert rule.calc(5, at("2026-07-01T06:30:00")).n_out == 2
        assert rule.calc(-5, at("2026-07-01T06:30:00")).n_out == -5
        assert make(Hours).calc(5, at("2026-07-01T06:30:00")).n_out == 5

    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("sched.hours.open", "all day"),
            ("sched.hours.open", "Foo 08:00-09:00"),
            ("sched.hours.open", "25:00-26:00"),
            ("sched.hours.timezone", "Mars/Olympus"),
        ],
    )
    def test_hours_that_cannot_be_read_are_an_error(self, key, text):
        options, problems = bind(Hours.Options, Section.from_texts("Q", {key: text}))
        assert options is None
        assert problems[0].value == text
