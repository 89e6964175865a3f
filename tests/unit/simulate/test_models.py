"""CE models as users write them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autopyfactory.simulate.models import CES, CEModel, Period, parse_ce


def test_ce_models_as_users_write_them():
    assert parse_ce("slow") == CES["slow"]
    assert parse_ce("slow,slots=20,failing=0.5") == replace(CES["slow"], slots=20, failing=0.5)
    outages = CEModel(outages=(Period(1, 2),))
    assert parse_ce("fast", outages).outages == outages.outages
    assert parse_ce("dead", outages).outages == CES["dead"].outages


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("fat", "no CE model 'fat'"), ("size=3", "has no 'size'"), ("slots=-1", "cannot be")],
)
def test_mistakes_are_told(text, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse_ce(text)


@pytest.mark.parametrize(
    "text",
    ["slots=many", "slots=1.5", "latency=", "payloads=0", "failing=1.1", "others=2", "latency=nan",
     "boot=inf",
     "latency=-0.1", "hole_takes=5"],
)  # fmt: skip
def test_a_value_that_makes_no_sense_is_told_with_its_key(text):
    with pytest.raises(ValueError, match=f"^{text.partition('=')[0]} cannot be "):
        parse_ce(text)


@pytest.mark.parametrize("text", ["failing=1", "others=0", "slots=0", "payloads=1", "starts_per_minute=0"])
def test_what_is_just_possible_is_taken(text):
    key, _, value = text.partition("=")
    assert getattr(parse_ce(text), key) == float(value)


def test_what_is_said_later_counts_and_a_name_begins_anew():
    assert parse_ce("slots=7,slots=9").slots == 9
    assert parse_ce(" slow , slots = 9 ".replace(" = ", "=")).slots == 9
    assert parse_ce("slots=9,fast") == CES["fast"]
    holes = CEModel(holes=(Period(1, 2),), flaps=(Period(3, 4),), slots=8)
    found = parse_ce("small", holes)
    assert (found.slots, found.holes, found.flaps) == (40, holes.holes, holes.flaps), "the weather stays"


def test_a_period_holds_its_beginning_and_not_its_end():
    assert [Period(5, 9).holds(t) for t in (4.9, 5, 8.9, 9)] == [False, True, True, False]
