"""One breaker, through whatever may happen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.breakers import machine
from autopyfactory.breakers.evidence import GOOD, NEVER_STARTED, Evidence
from autopyfactory.breakers.machine import AMPLE, CLOSED, Breaker, Policy

POLICY = Policy(failures=3, share=0.8, window=1000.0, first=10.0, last=100.0)
KINDS = ("failed", "short", "held", "dropped", "down", "well", "runs")


def bad(n: int, at: float, **given: object) -> Evidence:
    return replace(Evidence(f"p{n}", "failed", at, "exit code 1", sent=at - 2, began=at - 1), **given)


def good(n: int, at: float) -> Evidence:
    return Evidence(f"p{n}", "well", at, sent=at - 2, began=at - 1)


def opened(now: float = 10.0) -> Breaker:
    b = CLOSED
    for n in range(3):
        b = machine.noted(b, bad(n, now - 3 + n), now)
    return machine.judged(b, POLICY, now)


def test_it_opens_when_too_many_of_the_latest_went_wrong() -> None:
    b = machine.noted(machine.noted(CLOSED, bad(1, 1), 5), bad(2, 2), 5)
    assert not machine.judged(b, POLICY, 5).open
    b = machine.noted(b, bad(3, 3), 5)
    assert b.suspicious(POLICY, 5)
    assert machine.judged(b, POLICY, 5).open
    for n in range(4, 6):
        b = machine.noted(b, good(n, n), 6)
    assert not machine.judged(b, POLICY, 6).open, "3 of 5"


def test_what_was_long_ago_does_not_open_it() -> None:
    b = machine.noted(machine.noted(CLOSED, bad(1, 1), 5), bad(2, 2), 5)
    b = machine.noted(b, bad(3, 2000), 2000)
    assert not machine.judged(b, POLICY, 2000).open


def test_one_pilot_counts_once() -> None:
    b = CLOSED
    for at in (1, 2, 3, 4):
        b = machine.noted(b, bad(1, at), 5)
    assert not machine.judged(b, POLICY, 5).open
    assert len(b.seen) == 1


def test_probes_come_at_growing_intervals() -> None:
    b = opened(10)
    times = []
    now = 10.0
    while len(times) < 6:
        now += 1
        if b.lets_probe(now):
            times.append(now)
            b = machine.probed(b, POLICY, now)
    assert times == [20, 40, 80, 160, 260, 360]
    assert b.probes == 6


def test_it_closes_when_a_probe_did_well_and_forgets_what_was() -> None:
    b = machine.probed(opened(10), POLICY, 20)
    b = machine.noted(b, good(9, 30), 30)
    assert not b.open
    assert not machine.judged(machine.noted(b, bad(1, 9), 31), POLICY, 31).open
    assert b.seen == ()


def test_a_pilot_from_before_does_not_close_it() -> None:
    early = Evidence("old", "well", 30, sent=1, began=2)
    assert machine.noted(opened(10), early, 30).open


def test_a_probe_that_fails_keeps_it_open() -> None:
    b = machine.noted(machine.probed(opened(10), POLICY, 20), bad(9, 22), 22)
    assert b.open
    assert len(b.seen) == 4
    assert not b.lets_probe(39)
    assert b.lets_probe(40)


def test_opening_again_soon_goes_on_with_the_intervals() -> None:
    b = machine.probed(machine.probed(opened(10), POLICY, 20), POLICY, 40)
    b = machine.noted(b, good(9, 50), 50)
    for n in range(20, 23):
        b = machine.noted(b, bad(n, 60 + n), 90)
    b = machine.judged(b, POLICY, 90)
    assert b.open
    assert b.interval == 80
    later = machine.noted(machine.probed(opened(10), POLICY, 20), good(9, 50), 50)
    for n in range(20, 23):
        later = machine.noted(later, bad(n, 5000 + n), 5100)
    assert machine.judged(later, POLICY, 5100).interval == POLICY.first


def test_a_clock_that_was_set_back_does_not_keep_probes_away() -> None:
    b = machine.judged(opened(1_000_000), POLICY, 100)
    assert b.next_probe <= 100 + POLICY.last


def test_hurry_and_reset() -> None:
    assert machine.hurried(opened(10), 11).lets_probe(11)
    assert machine.hurried(CLOSED, 11) == CLOSED
    b = machine.reset(50)
    assert not machine.judged(machine.noted(b, bad(1, 9), 51), POLICY, 51).seen


evidences = st.builds(
    Evidence,
    pilot=st.integers(0, 30).map(lambda n: f"p{n}"),
    kind=st.sampled_from(KINDS),
    at=st.floats(0, 2000),
    words=st.sampled_from(["exit code 1", "held"]),
    sent=st.floats(0, 2000),
    began=st.floats(0, 2000),
    host=st.sampled_from(["", "a", "b", "c"]),
)
steps = st.lists(
    st.tuples(st.floats(0, 60), st.one_of(evidences, st.sampled_from(["judge", "want"]))), max_size=120
)


@given(steps)
def test_whatever_happens(story: list[tuple[float, object]]) -> None:
    """What must hold always, through any story of pilots, of time, and of a queue that wants to send."""
    b, now, probes = CLOSED, 0.0, []
    for wait, step in story:
        now += wait
        before = b
        if isinstance(step, Evidence):
            b = machine.noted(b, step, now)
            assert not (b.open and not before.open), "evidence alone opens nothing"
            if before.open and not b.open:
                assert step.kind in GOOD
                told = [e for e in before.seen if e.kind not in GOOD and e.pilot != step.pilot]
                for e in told:
                    later = step.sent > e.sent if e.kind in NEVER_STARTED else step.began > e.began
                    assert later, "only who went through it later closes"
        elif step == "judge":
            b = machine.judged(b, POLICY, now)
            if b.open and not before.open:
                v = b.verdict
                assert len(v.bad) >= POLICY.failures
                assert len(v.bad) >= POLICY.share * v.seen
                assert b.next_probe >= now + POLICY.first
                probes = []
            if before.open and not b.open:
                v = before.verdict
                assert v.good
                assert not v.convicts(POLICY.failures, POLICY.share), (
                    "with what is known now it would not open"
                )
        elif b.lets_probe(now):
            probes.append(now)
            b = machine.probed(b, POLICY, now)
            assert now + POLICY.first <= b.next_probe <= now + POLICY.last
        assert len(b.seen) <= AMPLE
        assert len({e.pilot for e in b.seen}) == len(b.seen)
        assert all(e.at <= now and e.at >= b.since for e in b.seen)
        if b.open:
            assert all(later >= earlier + POLICY.first for earlier, later in pairwise(probes))
