"""Pilots that left: what is told of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.lately import LAST, Memory
from autopyfactory.accounting.recent import recent_pilots
from autopyfactory.condor.endings import ENDED, ending_of
from autopyfactory.model.ending import Account, Ending
from autopyfactory.model.record import Empty, Failed, Troubles
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.departed import told
from autopyfactory.why.work import Still
from endingkit import T, ended, remembered

NOW = datetime.fromtimestamp(T, UTC)


def troubles(*endings: Ending, now: float = T, still: Still | None = None) -> Troubles:
    return told(Troubles(NOW), remembered(*endings), now, still)


def failed(*endings: Ending) -> Failed | None:
    return troubles(*endings).failed


def test_pilots_that_fail_one_after_the_other() -> None:
    assert failed(*(ended(n, "failed") for n in (3, 2, 1, 0))) == Failed(
        4, 4, "exit code 1", 3.0, "/logs/17.0.out"
    )


def test_a_few_failures_among_many_pilots_are_no_news() -> None:
    many = range(19, -1, -1)
    assert failed(*(ended(n, "failed" if n < 9 else "well") for n in many)) is None
    assert failed(*(ended(n, "failed" if n < 10 else "well") for n in many)) is not None
    assert failed(ended(0, "failed"), ended(1, "failed")) is None
    assert failed() is None


def test_the_commonest_failure_is_told_and_what_the_latest_of_them_said() -> None:
    killed = [ended(n, "failed", exit_code=None, signal=9, wall=90.0) for n in (6, 5)]
    others = [ended(n, "failed", exit_code=2, said=f"no {n}", said_in=f"/logs/{n}.err") for n in (3, 2, 1)]
    assert failed(*killed, *others) == Failed(5, 5, "exit code 2", 3.0, "/logs/1.err", quote="no 1")
    assert failed(*killed, ended(1, "failed")) == Failed(3, 3, "killed by signal 9", 90.0, "/logs/17.5.out")


def test_only_the_last_ones_count_and_not_for_ever() -> None:
    before = [ended(n, "failed") for n in range(3 * LAST, LAST, -1)]
    assert failed(*before, *(ended(n) for n in range(LAST, 0, -1))) is None
    assert troubles(*before, now=T + 3600).failed is None


def test_dropped_pilots_keep_their_reason_and_removed_ones_are_left_out() -> None:
    found = troubles(
        ended(4, "dropped", reason="PeriodicRemove was true", hold_reason="token expired"),
        ended(3, "removed", reason="via condor_rm (by user apf)"),
        ended(2, "taken back"),
        ended(1, "dropped", "B", reason="gone"),
    )
    assert [(g.count, g.reason, g.example) for g in found.lost] == [(1, "token expired", "17.4")]
    assert found.failed is None


def test_a_hold_at_the_ce_is_the_ces() -> None:
    found = troubles(*(ended(n, "dropped", hold_reason="no", hold_code=3, held_there=True) for n in (2, 1)))
    assert [(g.count, g.there, g.code) for g in found.lost] == [(2, True, 3)]


@pytest.mark.parametrize(("wall", "blocks"), [(3.0, True), (7200.0, False)])
def test_pilots_that_worked_before_they_failed_do_not_block(wall: float, blocks: bool) -> None:
    (cause,) = of_troubles(Troubles(NOW, failed=Failed(20, 12, "exit code 1", wall, "/logs/17.out")))
    assert (cause.code, cause.blocks) == ("pilots-fail", blocks)
    assert cause.words.startswith("12 of the last 20 pilots that ended have failed: exit code 1 after ")
    assert "/logs/17.out" in cause.next


# --- what pilots say themselves ----------------------------------------------------------------------------


def unfit(n: int, host: str, **given: Any) -> Ending:
    account = Account("unfit", host, "site", "cvmfs", check="cvmfs", check_said="atlas.cern.ch hangs")
    return ended(n, "failed", exit_code=18, account=account, **given)


def test_the_check_that_fails_and_the_node_are_named() -> None:
    good = [ended(n, account=Account("ok", "node8")) for n in (6, 5)]
    found = troubles(*good, *(unfit(n, "node7", wall=900.0) for n in (4, 3, 2, 1)))
    assert found.failed is not None
    assert (found.failed.why, found.failed.hosts) == ("check cvmfs: atlas.cern.ch hangs", ("node7 (4)",))
    [cause] = of_troubles(found)
    assert "they say: check cvmfs: atlas.cern.ch hangs; on node7 (4) none did well" in cause.words
    assert "blacklist" in cause.next
    assert found.fared is not None
    assert (found.fared.ended, found.fared.failed, found.fared.wasted_hours) == (6, 4, 1.0)
    assert (found.fared.failures, found.fared.checks, found.fared.hosts) == (
        {"unfit": 4},
        {"cvmfs": 4},
        {"node7": 4},
    )


def test_a_node_that_only_the_schedd_knows_is_named_too() -> None:
    good = [ended(n, node="slot1@node8") for n in (6, 5)]
    found = failed(*good, *(ended(n, "failed", node="slot1_2@node7") for n in (4, 3, 2, 1)))
    assert found is not None and found.hosts == ("node7 (4)",)


def test_a_fault_of_all_nodes_is_no_nodes() -> None:
    found = failed(*(unfit(n, f"node{n % 2}") for n in range(6, 0, -1)))
    assert found is not None and found.hosts == ()


def test_the_alarm_ends_when_newer_pilots_did_well() -> None:
    bad = [ended(n, "failed") for n in range(616, 600, -1)]
    assert failed(*bad) is not None
    assert failed(*bad, ended(2), ended(1)) is not None
    assert failed(*bad, ended(3), ended(2), ended(1)) is None
    # those that began before the failures prove nothing
    assert failed(*bad, *(ended(n, wall=5000.0) for n in (3, 2, 1))) is not None


def test_pilots_that_find_nothing() -> None:
    nothing = [ended(n, "empty", wall=66.0, output=f"/logs/{n}.out") for n in (5, 4, 3, 2, 1)]
    assert troubles(*nothing).empty == Empty(5, 5, 66.0, "/logs/1.out")
    assert troubles(*nothing[:2]).empty is None
    assert troubles(*nothing, ended(0)).empty is None  # the latest had work
    fared = troubles(*nothing).fared
    assert fared is not None and (fared.empty, fared.failed, fared.wasted_hours) == (5, 0, 0.092)


# --- pilots that end well and move nothing -----------------------------------------------------------------


STILL = Still(T - 500, ready=7, running=0)


def test_good_pilots_that_move_no_work_are_told() -> None:
    good = [ended(n, wall=60.0) for n in (200, 100, 50)]
    found = troubles(*good, still=STILL).unmoved
    assert found is not None
    assert (found.count, found.wall, found.ready, found.output) == (3, 60.0, 7, "/logs/17.50.out")
    assert found.since == datetime.fromtimestamp(T - 500, UTC)
    assert troubles(*good).unmoved is None  # work moves, or it is not known


def test_who_began_before_or_says_that_it_worked_proves_nothing() -> None:
    good = [ended(n, wall=60.0) for n in (200, 100, 50)]
    assert troubles(*good, still=replace(STILL, since=T - 200)).unmoved is None  # one is older
    worked = Account("ok", payload="glidein", payloads=2)
    assert troubles(*(replace(e, account=worked) for e in good), still=STILL).unmoved is None
    panda = Account("ok", payload="panda", payloads=1)  # its payload is the pilot, that says no more
    assert troubles(*(replace(e, account=panda) for e in good), still=STILL).unmoved is not None
    assert troubles(*(replace(e, outcome="empty") for e in good), still=STILL).unmoved is None


# --- ads can hold anything ---------------------------------------------------------------------------------

ODD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from([10**400, 1e308, -1, "\ud800", "via condor_rm", 4, 3, T, int(T)])
)


NAMES = [n for n in ENDED if n not in ("ClusterId", "ProcId")]


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), ODD)))
def test_something_is_told_of_whatever_ads_hold(odd: list[dict[str, Any]]) -> None:
    base = {"ApfSubmission": "t", "MATCH_APF_QUEUE": "A", "ClusterId": 17, "ProcId": 3, "JobStatus": 4}
    ads = [{**dict.fromkeys(ENDED), **base, "EnteredCurrentStatus": int(T) - 5, **given} for given in odd]
    memory = Memory()
    memory.ended(replace(e, queue="A") for ad in ads if (e := ending_of(ad)))
    lately = memory.of("A")
    found = told(Troubles(NOW), lately, T, STILL)
    list(of_troubles(found))
    recent_pilots(lately, T, total=1, submitted=1)
