"""What a count changes; whole schedules are in tests/simulation."""

from __future__ import annotations

import pytest

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.conservation import Balance
from autopyfactory.accounting.protocol.polling import clear_doubts


@pytest.mark.parametrize(
    ("missing", "state", "remembered"), [(0, "sent", False), (2, "sent", True), (0, "intended", True)]
)
def test_a_look_up_in_vain_is_forgotten_when_nothing_is_missing(
    missing: int, state: str, remembered: bool
) -> None:
    batch = Batch("t1", "q", "place", "ce", 2)
    batch.state = state  # type: ignore[assignment]
    batch.doubts = ((10.0, 0b11),)
    clear_doubts([batch], {"q": Balance(open=2, missing=missing)})
    assert bool(batch.doubts) is remembered
