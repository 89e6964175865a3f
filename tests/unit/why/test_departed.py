"""Pilots that left: what is told of them, and that what is remembered stays small."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.model.record import Empty, Failed, Troubles
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


# --- what pilots say themselves ----------------------------------------------------------------------------


def wrote(folder: Path, pilot: int, **said: Any) -> str:
    path = folder / f"{pilot}.out"
    line = json.dumps({"schema": 1, "exit": 0, "payload": {"name": "panda", "total": 1}, **said})
    path.write_text(f"noise\nAPF-SUMMARY {line}\n")
    return str(path)


def unfit(folder: Path, pilot: int, host: str, reason: str = "atlas.cern.ch hangs") -> dict[str, Any]:
    checks = [{"name": "cvmfs", "result": "hung", "reason": reason}]
    said = wrote(
        folder, pilot, exit=18, outcome="unfit", reason="cvmfs", host=host, checks=checks, payload={}
    )
    return ended(pilot, 18, Out=said)


def test_the_check_that_fails_and_the_node_are_named(tmp_path: Path) -> None:
    bad = [unfit(tmp_path, n, "node7") for n in range(4)]
    good = [ended(n, Out=wrote(tmp_path, n, host="node8")) for n in (4, 5)]
    found = failed(*bad, *good)
    assert (
        found is not None
        and found.why == "check cvmfs: atlas.cern.ch hangs"
        and found.hosts == ("node7 (4)",)
    )
    [cause] = of_troubles(Troubles(NOW, failed=found))
    assert "they say: check cvmfs: atlas.cern.ch hangs; on node7 (4) none did well" in cause.words
    assert "blacklist" in cause.next


def test_a_fault_of_all_nodes_is_no_nodes(tmp_path: Path) -> None:
    found = failed(*(unfit(tmp_path, n, f"node{n % 2}") for n in range(6)))
    assert found is not None and found.hosts == ()


def test_pilots_that_say_nothing_are_told_as_before() -> None:
    found = failed(*(ended(n, 1) for n in range(4)))
    assert found is not None and (found.why, found.hosts) == ("", ())


def test_the_alarm_ends_when_newer_pilots_did_well() -> None:
    bad = [ended(n, 1) for n in range(600, 616)]
    assert failed(*bad) is not None
    assert failed(*bad, ended(1), ended(2)) is not None
    assert failed(*bad, ended(1), ended(2), ended(3)) is None
    # those that began before the failures prove nothing
    assert failed(*bad, *(ended(n, wall=5000.0) for n in (1, 2, 3))) is not None


def empty(*ads: dict[str, Any]) -> Empty | None:
    left = Left()
    left.take(ads)
    return left.told("A", Troubles(NOW)).empty


def test_pilots_that_find_nothing(tmp_path: Path) -> None:
    nothing = {"outcome": "empty", "payload": {"name": "panda", "total": 0}}
    idle = [ended(n, wall=66.0, Out=wrote(tmp_path, n, **nothing)) for n in range(1, 6)]
    found = empty(*idle)
    assert found == Empty(5, 5, 66.0, str(tmp_path / "1.out"))
    assert empty(*idle[:2]) is None
    assert empty(*idle, ended(0, Out=wrote(tmp_path, 0))) is None  # the latest had work
    assert empty(*(ended(n) for n in range(6))) is None  # they do not say


@pytest.mark.parametrize(
    ("out", "err", "file", "quote"),
    [
        ("", "a\nb\nc\n\nno such tarball\n", "err", "b / c / no such tarball"),
        ("started\n", "", "out", "started"),
        ("started\n", None, "out", "started"),
        ("x\n", "\x1b[2Jgone\n", "err", "\\x1b[2Jgone"),
        ("", "", "out", ""),
        (None, None, "out", ""),
    ],
)
def test_the_last_lines_of_the_file_that_has_the_message_are_quoted(
    tmp_path: Path, out: str | None, err: str | None, file: str, quote: str
) -> None:
    for name, text in (("out", out), ("err", err)):
        if text is not None:
            (tmp_path / name).write_text(text)
    files = {"Out": str(tmp_path / "out"), "Err": str(tmp_path / "err")}
    found = failed(*(ended(n, 1, **files) for n in range(4)))
    assert found is not None
    assert (found.output, found.quote) == (str(tmp_path / file), quote)


def test_a_summary_is_no_message(tmp_path: Path) -> None:
    files = [{"Out": wrote(tmp_path, n, host="node8"), "Err": str(tmp_path / "none")} for n in range(4)]
    found = failed(*(ended(n, 1, **files[n]) for n in range(4)))
    assert found is not None
    assert "{" not in found.quote
