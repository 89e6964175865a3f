"""Cycles are counted once each, in the bucket of their duration."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.record import CycleRecord, FactoryEvent, Outcome
from autopyfactory.notify.cycletotals import BOUNDS, CycleTotals

AT = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES: tuple[Outcome, ...] = ("sent", "nothing", "failed")


@given(st.lists(st.tuples(st.sampled_from(OUTCOMES), st.floats(0, 200))))
def test_sums_agree(cycles: list[tuple[Outcome, float]]) -> None:
    totals = CycleTotals()
    for outcome, duration in cycles:
        totals.note(CycleRecord("q", 1, AT, outcome, "", duration))
    totals.note(FactoryEvent("started", AT))
    found = totals.totals()
    assert found.cycles == len(cycles) == sum(found.buckets) == sum(found.outcomes.values())
    assert abs(found.seconds - sum(d for _, d in cycles)) < 1e-6 * (1 + found.seconds)
    for i, bound in enumerate(BOUNDS):
        assert sum(found.buckets[: i + 1]) == sum(d <= bound for _, d in cycles)
