"""What every source has: how often, how old, how long; 2.4's zeros do not turn into floods."""

from __future__ import annotations

from typing import ClassVar

import pytest

from autopyfactory.options.binding import bind
from autopyfactory.options.declare import LONGEST, specs
from autopyfactory.options.polled import PolledOptions, maxage_option, sleep_option, timeout_option
from autopyfactory.options.section import Section


class Source(PolledOptions):
    prefixes: ClassVar[tuple[str, ...]] = ("wmsstatus.x",)
    timeout: float = timeout_option(30, "Time limit of one poll")


class Own(PolledOptions):
    prefixes: ClassVar[tuple[str, ...]] = ("wmsstatus.y",)
    sleep: float = sleep_option(600, ge=10)
    maxage: float = maxage_option(1800, question=True)


def bound(cls: type[PolledOptions], **texts: str) -> PolledOptions | None:
    prefix = cls.prefixes[0]
    return bind(cls, Section("Q"), Section.from_texts("F", {f"{prefix}.{k}": v for k, v in texts.items()}))[0]


def test_without_a_word_counts_may_be_six_polls_old() -> None:
    got = bound(Source)
    assert got is not None
    assert (got.sleep, got.maxage) == (60, 360)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("sleep", "0.5", 0.5),
        ("sleep", "0", 1),
        ("sleep", "-7", 1),
        ("sleep", "1e9", LONGEST["s"]),
        ("maxage", "0", 360),  # never "however old"
        ("maxage", "-1", 360),
        ("maxage", "0.5", 0.5),
        ("maxage", "1e9", LONGEST["s"]),
        ("timeout", "5", 5),
    ],
)
def test_numbers_as_they_are_taken(key: str, text: str, value: float) -> None:
    got = bound(Source, **{key: text})
    assert got is not None
    assert getattr(got, key) == value


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("timeout", "0"),
        ("timeout", "-1"),
        ("timeout", "1e9"),
        ("sleep", "nan"),
        ("sleep", "1e11"),
        ("maxage", "inf"),
    ],
)
def test_what_no_poll_can_wait(key: str, text: str) -> None:
    assert bound(Source, **{key: text}) is None


def test_a_source_may_have_limits_and_defaults_of_its_own() -> None:
    got = bound(Own, sleep="10")
    assert got is not None
    assert (got.sleep, got.maxage) == (10, 1800)
    assert bound(Own, sleep="9") is None
    got = bound(Own, maxage="0")
    assert got is not None
    assert got.maxage == 1800  # its own default, not that of all


def test_queues_that_differ_in_maxage_only_share_an_answer() -> None:
    said = {s.field: s.question for s in specs(Source)}
    assert said["maxage"] is False
    assert said["sleep"] is True
    assert {s.field: s.question for s in specs(Own)}["maxage"] is True
