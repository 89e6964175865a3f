"""Pilots are divided by what starts where, and nobody is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.cycle.spread import Share, spread

shares = st.lists(
    st.builds(Share, st.integers(0, 1000).map(float), st.integers(0, 500)), min_size=1, max_size=8
)


@given(st.integers(0, 300), shares, st.floats(0.01, 1))
def test_all_are_given_and_no_one_could_be_served_better(n: int, them: list[Share], floor: float) -> None:
    given_ = spread(n, them, floor)
    assert sum(given_) == n
    least = floor * sum(s.rate for s in them) / len(them)
    rates = [max(s.rate, least) + 1e-9 for s in them]
    # what the last pilot of one waits is not more than it would have been anywhere else
    waits = [(s.there + g) / r for s, g, r in zip(them, given_, rates, strict=True)]
    next_ = [(s.there + g + 1) / r for s, g, r in zip(them, given_, rates, strict=True)]
    for i, g in enumerate(given_):
        if g:
            assert all(waits[i] <= other * (1 + 1e-9) for j, other in enumerate(next_) if j != i)


def test_in_proportion_to_what_starts_and_to_what_waits_already() -> None:
    assert spread(90, [Share(200.0), Share(100.0)]) == [60, 30]
    assert spread(30, [Share(200.0, there=60), Share(100.0)]) == [0, 30]


def test_without_any_start_evenly() -> None:
    assert spread(9, [Share(0.0), Share(0.0), Share(0.0)], 0.1) == [3, 3, 3]


def test_one_where_nothing_starts_gets_its_floor_and_no_more() -> None:
    assert spread(100, [Share(100.0), Share(0.0)], 0.1) == [96, 4]
    assert spread(100, [Share(100.0), Share(0.0, there=50)], 0.1) == [100, 0]


def test_nobody_there() -> None:
    assert spread(5, []) == []
    assert spread(0, [Share(1.0)]) == [0]
