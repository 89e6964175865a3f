"""The gate opens only on answers that are there, young and believable."""

from __future__ import annotations

from datetime import UTC, datetime

from autopyfactory.cycle.gate import held_back, reading
from autopyfactory.model.info import BatchQueueInfo, BatchStatus, Snapshot
from autopyfactory.sources.plausibility import CollapseJudge
from autopyfactory.sources.source import SourceState, Trouble

NOW = datetime(2026, 11, 22, 2, 14, tzinfo=UTC)


def state(age: float | None, trouble: str = "", doubt: str = "") -> SourceState[int]:
    snapshot = None if age is None else Snapshot(1, NOW, 1000 - age)
    return SourceState(snapshot, {"q": doubt} if doubt else {}, Trouble(trouble, NOW, 1) if trouble else None)


def gate(s: SourceState[int]) -> tuple[str, ...]:
    return held_back([reading("batch", "schedd x", s, 360, 1000, "q")])


def test_open_when_young() -> None:
    assert gate(state(5)) == ()
    assert gate(state(360, trouble="refused")) == ()  # trouble alone does not close it: age does


def test_closed_without_an_answer() -> None:
    assert gate(state(None, "connection refused")) == (
        "no batch status from schedd x yet: connection refused (since 02:14:00Z)",
    )


def test_closed_when_stale() -> None:
    assert gate(state(412)) == ("batch status 412 s old (maxage 360)",)


def test_closed_when_doubtful() -> None:
    assert "doubtful" in gate(state(1, doubt="fell"))[0]


def counts(**queues: int) -> BatchStatus:
    return BatchStatus({name: BatchQueueInfo(running=n) for name, n in queues.items()})


def test_collapse_is_believed_at_the_second_answer() -> None:
    judge = CollapseJudge()
    assert judge(counts(a=400, b=5), 0) == {}
    assert set(judge(counts(b=5), 0)) == {"a"}
    assert judge(counts(b=5), 0) == {}
    assert judge(counts(b=5), 0) == {}


def test_collapse_that_was_a_lie_is_forgotten() -> None:
    judge = CollapseJudge()
    judge(counts(a=400), 0)
    assert judge(counts(), 0)
    assert judge(counts(a=399), 0) == {}
    assert judge(counts(), 0), "a second collapse is doubted again"


def test_when_all_pilots_vanish_small_queues_are_doubted_too() -> None:
    judge = CollapseJudge()
    judge(counts(a=9, b=3), 0)
    assert set(judge(counts(), 0)) == {"a", "b"}


def test_ordinary_endings_are_believed() -> None:
    judge = CollapseJudge()
    judge(counts(a=9, b=100), 0)
    assert judge(counts(b=60), 0) == {}


def test_what_was_sent_must_show_in_the_next_answer() -> None:
    judge = CollapseJudge(lambda since, until: {"a": 20} if since <= 5 < until else {})
    assert judge(counts(), 1) == {}
    assert set(judge(counts(), 10)) == {"a"}
    assert judge(counts(), 20) == {}


def test_one_queue_collapsing_after_another() -> None:
    judge = CollapseJudge()
    judge(counts(a=50, b=50, c=50), 0)
    assert set(judge(counts(b=50, c=50), 0)) == {"a"}
    assert set(judge(counts(c=50), 0)) == {"b"}
    assert judge(counts(c=50), 0) == {}
