"""What rules declare of themselves: that each of ours does, and that steps carry it."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from autopyfactory.model.declaration import UNDECLARED
from schedkit import build

OURS = {
    e.name: e.load()
    for e in entry_points(group="autopyfactory.sched")
    if e.value.startswith("autopyfactory.")
}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_of_our_rules_says_what_it_is(name):
    assert OURS[name].declares != UNDECLARED
    assert OURS[name].declares.part != "other"


@pytest.mark.parametrize("name", sorted(OURS))
def test_the_numbers_that_it_declares_are_its_options(name):
    declares = OURS[name].declares
    assert set(declares.numbers) <= set(OURS[name].Options.model_fields)
    if declares.numbers:
        assert build(OURS[name]).idle


def test_a_rule_with_one_of_two_numbers_is_not_idle():
    assert not build(OURS["MaxCores"], **{"sched.maxcores.pending": 5}).idle
