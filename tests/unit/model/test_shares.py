"""What part of the work each claim gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.shares import Claim, divide


def test_throughput_counts_only_if_all_put_it_forward():
    assert divide({"a": Claim(1, 0.9), "b": Claim(1, 0.1)})["a"].width == pytest.approx(0.9)
    assert divide({"a": Claim(1, 0.9), "b": Claim(3, 0.1)})["a"].width == pytest.approx(0.75)
    assert divide({"a": Claim(1, 0.9), "b": Claim(1)})["a"].width == 0.5


def test_where_nothing_starts_anywhere_the_weights_count():
    parts = divide({"a": Claim(1, 0.0), "b": Claim(3, 0.0)})
    assert [part.of(8) for part in parts.values()] == [2, 6]


def test_without_any_weight_nobody_gets_anything():
    assert [p.of(10) for p in divide({"a": Claim(0), "b": Claim(0)}).values()] == [0, 0]


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=3),
        st.builds(Claim, st.floats(0, 1e6), st.none() | st.floats(0, 1e6)),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 10**6),
)
def test_shares_add_up_and_stay_within_one_of_their_quota(claims, demand):
    parts = divide(claims)
    if all(c.weight == 0 for c in claims.values()):
        assert all(p.of(demand) == 0 for p in parts.values())
        return
    assert sum(p.of(demand) for p in parts.values()) == demand
    assert all(abs(p.of(demand) - p.width * demand) <= 1 + 1e-6 for p in parts.values())
    assert all(p.of(demand) >= 0 for p in parts.values())
