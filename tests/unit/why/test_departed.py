"""Pilots that left: what is told of them, and that what is remembered stays small."""

from datetime import UTC, datetime
from typing import Any

import pytest

from autopyfactory.model.record import Failed, Troubles
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.departed import ATTRIBUTES, LAST, MOST, Left

NOW = datetime(2026, 11, 22, 2, 20, tzinfo=UTC)
T = int(NOW.timestamp())
OUT = "/logs/17.out"


def ad(pilot: int, queue: str = "A", **given: Any) -> dict[str, Any]:
    known = {"MATCH_APF_QUEUE": queue, "ClusterId": 17, "ProcId": pilot, "JobStatus": 4, "Out": OUT}
    return {**dict.fromkeys(ATTRIBUTES), **known, "EnteredCurrentStatus": T - pilot, **given}


def ended(pilot: int, code: int = 0, wall: float = 3.0, **given: Any) -> dict[str, Any]:
    return ad(pilot, ExitCode=code, RemoteWallClockTime=wall, **given)


def failed(*ads: dict[str, Any]) -> Failed | None:
    left = Left()
    left.take(ads)
    left.take(ads)  # as questions overlap
    return left.told("A", Troubles(NOW)).failed


def test_pilots_that_fail_one_after_the_other() -> None:
    assert failed(*(ended(n, 1) for n in range(4))) == Failed(4, 4, "exit code 1", 3.0, OUT)


def test_a_few_failures_among_many_pilots_are_no_news() -> None:
    assert failed(*(ended(n, int(n < 9)) for n in range(20))) is None
    assert failed(*(ended(n, int(n < 10)) for n in range(20))) is not None
    assert failed(ended(0, 1), ended(1, 1)) is None
    assert failed() is None


def test_the_commonest_failure_is_told_and_its_latest_output() -> None:
    killed = [ad(n, ExitBySignal=True, ExitSignal=9, JobStartDate=T - 90, CompletionDate=T) for n in (5, 6)]
    others = [ended(n, 2, Out=f"/logs/{n}.out") for n in (1, 2, 3)]
    assert failed(*killed, *others) == Failed(5, 5, "exit code 2", 3.0, "/logs/1.out")
    assert failed(*killed, ended(1, 2)) == Failed(3, 3, "killed by signal 9", 90.0, OUT)


def test_only_the_last_ones_count() -> None:
    before = [ended(n, 1) for n in range(LAST, 3 * LAST)]
    assert failed(*before, *(ended(n) for n in range(LAST))) is None


def test_dropped_pilots_keep_their_reason_and_removed_ones_are_left_out() -> None:
    left = Left()
    left.take([
        ad(0, JobStatus=3, RemoveReason="PeriodicRemove was true", LastHoldReason="token expired"),
        ad(1, JobStatus=3, RemoveReason="via condor_rm (by user apf)"),
        ad(2, JobStatus=3, RemoveReason="AutoPyFactory: more pilots than needed"),
        ad(3, "B", JobStatus=3, RemoveReason="gone"),
    ])  # fmt: skip
    assert [(g.count, g.reason) for g in left.told("A", Troubles(NOW)).lost] == [(1, "token expired")]
    assert [(g.count, g.reason) for g in left.told("B", Troubles(NOW)).lost] == [(1, "gone")]
    assert left.queues == {"A", "B"}


def test_what_is_old_or_too_much_is_forgotten() -> None:
    left = Left()
    left.take(ad(n, "B", JobStatus=3, RemoveReason="gone", EnteredCurrentStatus=T) for n in range(MOST + 5))
    left.take(ended(n, 1) for n in range(5 * LAST))
    left.forget(T - 5 * LAST)
    assert [g.count for g in left.told("B", Troubles(NOW)).lost] == [MOST]
    assert left.told("A", Troubles(NOW)).failed == Failed(LAST, LAST, "exit code 1", 3.0, OUT)
    left.forget(T)
    assert left.queues == set()


@pytest.mark.parametrize(("wall", "blocks"), [(3.0, True), (7200.0, False)])
def test_pilots_that_worked_before_they_failed_do_not_block(wall: float, blocks: bool) -> None:
    (cause,) = of_troubles(Troubles(NOW, failed=Failed(20, 12, "exit code 1", wall, OUT)))
    assert (cause.code, cause.blocks) == ("pilots-fail", blocks)
    assert cause.words.startswith("12 of the last 20 pilots that ended have failed: exit code 1 after ")
    assert OUT in cause.next
