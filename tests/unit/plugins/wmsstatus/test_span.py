"""What fits into a span."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.plugins.wmsstatus.span import parse


@pytest.mark.parametrize("text", ["", "-8", "8-2", "a", "1.5", "2--3"])
def test_a_span_must_make_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


@given(st.integers(0, 200), st.none() | st.integers(0, 200), st.integers(0, 400))
def test_both_ends_are_within(low: int, more: int | None, n: int) -> None:
    high = None if more is None else low + more
    span = parse(f" {low}-{'' if high is None else high} ")
    assert (n in span) == (n >= low and (high is None or n <= high))
    assert (n in parse(str(low))) == (n == low)
