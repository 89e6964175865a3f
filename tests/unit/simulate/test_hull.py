"""The hull of settings in the plane of wait and waste."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.simulate.hull import hull

numbers = st.integers(0, 1000).map(float)


def test_it_runs_from_the_fastest_to_the_least_wasteful():
    points = [(10, 100), (20, 20), (60, 10), (30, 90), (15, 70), (90, 10), (20, 50)]
    assert hull(points).corners == ((10, 100), (20, 20), (60, 10))


def test_between_two_settings_lies_what_one_gets_by_changing_between_them():
    h = hull([(10, 100), (20, 20)])
    assert (h.waste_at(15), h.wait_at(60)) == (60, 15)
    assert (h.waste_at(5), h.waste_at(99)) == (100, 20)  # beyond the ends: that of the end
    assert (h.wait_at(500), h.wait_at(1)) == (10, 20)
    assert h.fastest == 10


def test_of_equals_the_less_wasteful_counts():
    assert hull([(10, 5), (10, 3), (12, 3)]).corners == ((10, 3),)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_no_setting_lies_below_the_hull(points):
    h = hull(points)
    assert set(h.corners) <= set(points)
    for wait, waste in points:
        assert waste >= h.waste_at(wait) - 1e-6
        assert wait >= h.wait_at(waste) - 1e-6
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(h.corners, h.corners[1:], strict=False)]
    assert all(s < 0 for s in slopes)
    assert slopes == pytest.approx(sorted(slopes))
