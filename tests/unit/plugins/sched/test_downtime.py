"""No pilots near an announced downtime."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autopyfactory.model.decision import CycleInputs
from autopyfactory.model.downtimes import Declared, Outage
from autopyfactory.options.binding import bind
from autopyfactory.options.section import Section
from autopyfactory.plugins.sched.downtime import Downtime


def at(text):
    return CycleInputs("Q", now=datetime.fromisoformat(text).replace(tzinfo=UTC))


class TestDowntime:
    TEXTS = {
        "sched.downtime.windows": "2026-12-01T08:00/2026-12-01T18:00, 2026-12-24/2026-12-26",
        "sched.downtime.lead": 7200,
    }

    @pytest.mark.parametrize(
        ("now", "expected"),
        [
            ("2026-12-01T05:59:59", 5),
            ("2026-12-01T06:00:00", 0),
            ("2026-12-01T12:00:00", 0),
            ("2026-12-01T18:00:00", 5),
            ("2026-12-23T21:59:59", 5),
            ("2026-12-23T22:00:00", 0),
            ("2026-12-26T23:59:59", 0),
            ("2026-12-27T00:00:00", 5),
        ],
    )
    def test_windows(self, make, now, expected):
        assert make(Downtime, **self.TEXTS).calc(5, at(now)).n_out == expected

    def test_other_zones_and_retiring(self, make):
        rule = make(Downtime, **{"sched.downtime.windows": "2026-12-01T08:00+01:00/2026-12-01T09:00+01:00"})
        assert rule.calc(5, at("2026-12-01T07:30:00")).n_out == 0
        assert rule.calc(5, at("2026-12-01T08:30:00")).n_out == 5
        assert rule.calc(-5, at("2026-12-01T07:30:00")).n_out == -5

    def test_says_what_comes(self, make):
        step = make(Downtime, **self.TEXTS).calc(5, at("2026-12-02T00:00:00"))
        assert "2026-12-24 00:00 to 2026-12-27 00:00 UTC" in step.reason

    def test_of_several_ces_those_that_are_down_get_nothing(self, make):
        def inputs(*ces: str):
            start, end = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
            declared = Declared(tuple(Outage(start, end, ce, ce) for ce in ces), ces=("a", "b"))
            return CycleInputs("Q", now=datetime(2026, 12, 1, 12, tzinfo=UTC), declared=declared)

        rule = make(Downtime)
        assert (rule.calc(5, inputs()).n_out, rule.shuts(inputs())) == (5, {})
        assert (rule.calc(5, inputs("b")).n_out, list(rule.shuts(inputs("b")))) == (5, ["b"])
        assert rule.calc(5, inputs("a", "b")).n_out == 0

    @pytest.mark.parametrize(
        "text",
        ["tomorrow", "2026-12-02/2026-12-01", "2026-12-01T08:00", "2026-12-01/x", "2026-13-01/2027-01-01"],
    )
    def test_a_window_that_cannot_be_read_is_an_error(self, text):
        options, problems = bind(Downtime.Options, Section.from_texts("Q", {"sched.downtime.windows": text}))
        assert options is None
        assert problems[0].value == text
