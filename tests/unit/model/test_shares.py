"""What part of the work each claim gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.shares import WHOLE, Claim, Part, divide, nth


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


@given(st.integers(1, 60), st.integers(0, 10**6))
def test_equal_takers_add_up_and_are_within_one_of_their_quota(count, demand):
    parts = [nth(index, count).of(demand) for index in range(1, count + 1)]
    assert sum(parts) == demand
    assert all(abs(n - demand / count) <= 1 + 1e-6 for n in parts)
    assert nth(1, count).lower == 0.0
    assert nth(count, count).upper == 1.0


@pytest.mark.parametrize("n", [0, 1, 2, 7, 100])
def test_nobody_gets_more_than_there_is(n):
    for part in (nth(1, 3), nth(2, 3), nth(3, 3), WHOLE, Part(0.4, 0.4)):
        assert 0 <= part.of(n) <= n
    assert WHOLE.of(n) == n
    assert Part(0.4, 0.4).of(n) == 0


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.builds(Claim, st.floats(0, 100)), min_size=1),
    st.randoms(),
)
def test_the_order_of_claims_makes_no_difference(claims, random):
    names = list(claims)
    random.shuffle(names)
    assert divide({name: claims[name] for name in names}) == divide(claims)


def test_parts_lie_side_by_side_by_name_and_are_as_wide_as_their_weight():
    parts = divide({"c": Claim(1), "a": Claim(2), "b": Claim(0), "d": Claim(1)})
    assert parts == {"a": Part(0, 0.5), "b": Part(0.5, 0.5), "c": Part(0.5, 0.75), "d": Part(0.75, 1.0)}
    assert divide({"only": Claim(7)}) == {"only": WHOLE}
    assert divide({}) == {}


def test_a_claim_without_weight_at_the_end_leaves_no_gap():
    parts = divide({"a": Claim(0.1), "b": Claim(0.2), "c": Claim(0.3), "d": Claim(0)})
    assert parts["c"].upper == 1.0
    assert parts["d"].width == 0.0
