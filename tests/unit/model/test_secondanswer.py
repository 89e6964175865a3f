"""Taking back needs two answers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.secondanswer import Surplus


def test_one_answer_takes_nothing_back_and_the_second_the_smaller_number():
    surplus = Surplus()
    assert surplus.agreed(30, (10.0, 10.0)) == 0
    assert surplus.agreed(40, (10.0, 10.0)) == 0  # the same answers again
    assert surplus.agreed(40, (70.0, 10.0)) == 0  # only one of them is newer
    assert surplus.agreed(50, (70.0, 70.0)) == 30


def test_a_demand_that_is_back_ends_it():
    surplus = Surplus()
    assert surplus.agreed(30, (1.0,)) == 0
    assert surplus.agreed(0, (2.0,)) == 0
    assert surplus.agreed(30, (3.0,)) == 0
    assert surplus.agreed(30, (4.0,)) == 30


def test_a_source_that_is_gone_or_new_is_another_question():
    surplus = Surplus()
    assert surplus.agreed(5, (1.0, 1.0)) == 0
    assert surplus.agreed(5, (2.0,)) == 0
    assert surplus.agreed(5, (3.0,)) == 5


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=40))
def test_never_more_than_any_two_answers_agree_on(cycles):
    surplus, now, before = Surplus(), 0, {}
    for too_many, later in cycles:
        now += later
        agreed = surplus.agreed(too_many, (float(now),))
        assert 0 <= agreed <= too_many
        if agreed:
            assert any(t < now and agreed <= n for t, n in before.items())
        if too_many == 0:
            before = {}
        else:
            before.setdefault(now, too_many)
