"""A story as lines: every cause, every step, with what it takes to act; foreign text on one short line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.why.model import Cause, Run, Story
from autopyfactory.why.render import cause_lines, render

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def story(**changes: object) -> Story:
    base = {"queue": "q", "at": NOW - timedelta(minutes=5), "asked_at": NOW, "from_factory": True,
            "submitted": 0, "headline": "no pilots: a cap bit"}  # fmt: skip
    return Story(**{**base, **changes})  # type: ignore[arg-type]


def test_it_says_of_which_cycle_it_speaks_and_who_tells() -> None:
    assert render(story())[0] == "q, cycle of 11:55Z, 5 min ago (from the running factory)"
    assert render(story(from_factory=False, at=None))[0] == "q (from the history)"
    yesterday = render(story(at=NOW - timedelta(days=1)))[0]
    assert yesterday == "q, cycle of 2026-11-21 12:00Z, 1 d ago (from the running factory)"


def test_what_there_is_nothing_of_has_no_heading() -> None:
    lines = render(story())
    assert lines == [lines[0], "", "No pilots: a cap bit."]


def test_everything_that_is_told_is_there_in_its_order() -> None:
    run = Run(NOW - timedelta(hours=2), NOW - timedelta(hours=1), 60, 5, "5 pilots sent")
    one = Run(NOW, NOW, 1, 0, "nothing")
    lines = render(
        story(causes=(Cause("x", "a cause"),), next=("do this", "then that!"), known=("PanDA: 3 ready",),
              steps=("Ready: 0 -> 3",), runs=(run, one)), runs=1,
    )  # fmt: skip
    assert lines[4:] == [
        "Why:", "  * A cause.", "", "Next:", "  1. Do this.", "  2. Then that!", "", "It knew:",
        "  PanDA: 3 ready", "", "The rules:", "  Ready: 0 -> 3", "", "Lately:",
        "  10:00Z to 11:00Z, 60 cycles: 5 pilots sent",
    ]  # fmt: skip
    assert "Lately:" not in render(story(runs=(run,)), runs=0)
    assert render(story(runs=(one,)))[-1] == "  12:00Z, 1 cycle: nothing"


@pytest.mark.parametrize(
    ("who", "words"),
    [("site", "the site has to act"), ("credentials", "who looks after credentials"), ("us", "")],
)
def test_who_has_to_act_is_said_unless_it_is_us(who: str, words: str) -> None:
    (line,) = cause_lines(Cause("x", "trouble", who=who), NOW)  # type: ignore[arg-type]
    assert (words in line) if words else line == "  * Trouble."


@given(st.text(max_size=900))
def test_what_others_said_is_one_line_in_quotes_and_not_long(text: str) -> None:
    lines = cause_lines(Cause("x", "trouble", example=text), NOW)
    assert len(lines) == (2 if text else 1)
    assert all("\n" not in line and len(line) < 420 for line in lines)
