"""Failure mode 7: the latency of all pilots, not of the lucky ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.latency import bound

seconds = st.lists(st.floats(1, 1e5), min_size=1, max_size=60)


def test_of_many_it_is_little_above_the_median():
    assert 500 < bound(range(1, 1001)) < 530


def test_few_are_not_believed_to_be_typical():
    assert bound([10, 20, 30]) == 30
    assert bound([]) is None
    assert bound([], [500.0]) is None


def test_those_that_were_taken_back_waited_at_least_as_long():
    lucky = [60.0] * 10 + [4000.0] * 10
    assert bound(lucky) == 4000
    assert bound([60.0] * 30 + [4000.0] * 2) == 60
    assert bound([60.0] * 30 + [4000.0] * 2, [1000.0] * 40) == 4000  # 40 more did not start within 1000 s


@given(seconds, st.lists(st.floats(1, 1e5), max_size=60))
def test_censored_ones_never_make_it_shorter(started, gave_up):
    assert min(started) <= bound(started) <= bound(started, gave_up) <= max(started)
