"""Steps of a look at a site: in order, within their time, and each says who has to act."""

from __future__ import annotations

import threading
import time

import pytest

from autopyfactory.check import steps
from autopyfactory.check.steps import Course, Found


def fine(_: float) -> Found:
    return Found("well")


def wrong(_: float) -> Found:
    return Found("not well", "wrong", "site", "tell the site")


def test_what_needs_a_step_that_failed_is_not_tried() -> None:
    course = Course()
    course.take("a", fine)
    course.take("b", wrong, "a")
    course.take("c", fine, "a", "b")
    course.take("d", fine, "c")
    course.take("e", fine, "a")
    assert [s.found.outcome for s in course.steps] == ["fine", "wrong", "skipped", "skipped", "fine"]
    assert course.steps[2].found.words == "not tried: b comes first"
    assert course.first_wrong is course.steps[1]
    assert course.outcome == "wrong"


def test_doubts_are_no_errors() -> None:
    course = Course()
    course.take("a", lambda _: Found("perhaps", "doubtful", "us"))
    course.take("b", fine, "a")
    assert (course.outcome, course.first_wrong, len(course.doubts)) == ("doubtful", None, 1)
    assert [row["outcome"] for row in course.as_data()] == ["doubtful", "fine"]


def test_one_that_hangs_is_left_to_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GRACE", 0.0)
    monkeypatch.setattr(steps, "STRETCH", 1.0)
    course, never = Course(), threading.Event()
    begun = time.monotonic()
    found = course.take("a", lambda _: Found(str(never.wait(60))), limit=0.05)
    assert time.monotonic() - begun < 30
    never.set()
    assert (found.outcome, found.words) == ("wrong", "it did not end within 0.05 s")


def test_one_that_breaks_is_told() -> None:
    def breaks(_: float) -> Found:
        raise RuntimeError("of a third party")

    found = Course().take("a", breaks)
    assert (found.outcome, found.words) == ("wrong", "RuntimeError: of a third party")
