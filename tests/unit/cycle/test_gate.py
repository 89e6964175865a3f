"""The gate opens only on answers that are there and young."""

from __future__ import annotations

from datetime import UTC, datetime

from autopyfactory.cycle.gate import held_back, reading
from autopyfactory.model.info import Snapshot
from autopyfactory.sources.source import SourceState, Trouble

NOW = datetime(2026, 11, 22, 2, 14, tzinfo=UTC)


def state(age: float | None, trouble: str = "") -> SourceState[int]:
    snapshot = None if age is None else Snapshot(1, NOW, 1000 - age)
    return SourceState(snapshot, Trouble(trouble, NOW, 1) if trouble else None)


def gate(s: SourceState[int]) -> tuple[str, ...]:
    return held_back([reading("batch", "schedd x", s, 360, 1000)])


def test_open_when_young() -> None:
    assert gate(state(5)) == ()
    assert gate(state(360, trouble="refused")) == ()  # trouble alone does not close it: age does


def test_closed_without_an_answer() -> None:
    assert gate(state(None, "connection refused")) == (
        "no batch status from schedd x yet: connection refused (since 02:14:00Z)",
    )


def test_closed_when_stale() -> None:
    assert gate(state(412)) == ("batch status 412 s old (maxage 360)",)
