"""What fits into a span."""

from __future__ import annotations

import pytest

from autopyfactory.plugins.wmsstatus.span import parse


@pytest.mark.parametrize("text", ["", "-8", "8-2", "a", "1.5", "2--3"])
def test_a_span_must_make_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)
