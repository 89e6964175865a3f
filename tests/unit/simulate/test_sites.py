"""Simulated sites: what is ordered happens once, and nobody's bookkeeping gains or loses a pilot by it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from statistics import median
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.jobs import JobQueue
from autopyfactory.simulate.models import CEModel, Job, Period
from autopyfactory.simulate.pilots import AT_CE, ENDED, IN_SCHEDD, TAKEN_BACK
from autopyfactory.simulate.sites import End, Site

EXACT = CEModel(
    handover=0, latency=100, latency_sigma=0, boot=50, boot_sigma=0, idle=300, failing=0, lag=0, removal=10,
    removal_sigma=0, load=0, starts_per_minute=0,
)  # fmt: skip
ORDERS = st.lists(st.tuples(st.sampled_from(["send", "back", "drain"]), st.integers(0, 6), st.floats(1, 400)))


def site(jobs: Any = (), seed: int = 1, **changes: Any) -> Site:
    agenda = Agenda()
    queue = JobQueue(agenda, [Job(*j) for j in jobs])
    return Site(agenda, queue, replace(EXACT, **changes), Random(seed), Random(seed))


@settings(max_examples=60)
@given(ORDERS, st.integers(0, 50))
def test_every_pilot_is_somewhere_and_every_operation_is_counted(
    orders: list[tuple[str, int, float]], seed: int
) -> None:
    s = site(
        [(float(t), 300.0) for t in range(0, 3000, 150)], seed, handover=60, slots=4, lag=90, failing=0.3,
        outages=(Period(900, 1300),), idle=100,
    )  # fmt: skip
    sent = taken = 0
    for what, n, pause in orders:
        before = len(s.known_pending)
        if what == "send":
            s.send(n)
            sent += n
        elif what == "back":
            back = s.take_back(n)
            assert back == min(n, before), "as many as were asked for, of those that are thought to wait"
            taken += back
        else:
            s.drain(n)
        s.agenda.run(s.agenda.now + pause)
        assert len(s.pilots) == sent
        assert s.in_schedd == sum(p.stage == IN_SCHEDD for p in s.pilots)
        assert s.removals + s.spared == taken == len(s.recalled)
        assert s.submits + s.spared + s.in_schedd == sent, "the CE saw the others"
        assert len(s.running) == sum(p.runs for p in s.pilots) <= 4
    s.agenda.run(s.agenda.now + 100_000)
    assert {p.stage for p in s.pilots} <= {ENDED, TAKEN_BACK}
    assert not s.known_pending and s.known_running == 0
    seen = sum(p.seen for p in s.pilots)
    assert len(s.starts) == len(s.ends) == seen == sent - taken, "each start and each end is told of once"


def test_a_pilot_of_several_payloads_loses_all_of_them_at_once() -> None:
    s = site([(0.0, 5000.0)] * 3, outages=(Period(400, 600),), payloads=2)
    s.send(2)
    s.agenda.run(399)
    assert sorted(p.ran for p in s.pilots) == [1, 2]
    s.agenda.run(401)
    assert (s.queue.ready, s.queue.running) == (3, 0)


def test_who_waits_where_a_site_goes_down_takes_no_job_of_those_that_are_lost_with_it() -> None:
    s = site([(0.0, 5000.0)], outages=(Period(400, 600),), idle=10_000)
    s.send(3)
    s.agenda.run(401)
    assert sorted(p.ran for p in s.pilots) == [0, 0, 1]
    assert (s.queue.ready, s.queue.running, len(s.queue.idle)) == (1, 0, 0)


def test_the_newest_are_taken_back_first_but_those_not_yet_at_the_ce_before_them() -> None:
    s = site(latency=1000)
    s.send(2)
    s.agenda.run(10)
    s.ce = replace(s.ce, handover=500)
    s.send(1)
    at_ce = [p for p in s.pilots if p.stage == AT_CE]
    assert s.take_back(2) == 2
    assert (s.spared, s.removals) == (1, 1)
    assert list(s.known_pending) == at_ce[:1], "the oldest has waited longest"


def test_to_take_back_none_takes_none() -> None:
    s = site(latency=1000)
    s.send(3)
    assert (s.take_back(0), len(s.known_pending)) == (0, 3)
    assert (s.take_back(9), len(s.known_pending)) == (3, 0)


def test_a_pilot_that_waits_for_work_ends_at_once_when_it_is_drained_and_a_busy_one_after_its_job() -> None:
    s = site([(0.0, 1000.0)], idle=5000)
    s.send(2)
    s.agenda.run(200)
    s.drain(2)
    assert [p.stage == ENDED for p in s.pilots] == [False, True]
    s.agenda.run(1151)
    assert s.queue.done == 1 and not s.running
    s.drain(-3)  # nothing


def test_latencies_have_the_median_that_is_said() -> None:
    s = site(latency=240, latency_sigma=0.5, slots=5000, idle=1)
    s.send(2000)
    s.agenda.run(50_000)
    assert abs(median(latency for _, latency in s.starts) / 240 - 1) < 0.06


def test_weather_is_the_same_whatever_pilots_do() -> None:
    rooms = []
    for pilots in (0, 50):
        s = site(slots=100, others=0.5, others_swing=0.5, seed=4)
        s.send(pilots)
        rooms.append([(s.agenda.run(t), s._room)[1] for t in range(600, 90_000, 600)])
    assert rooms[0] == rooms[1]
    assert len(set(rooms[0])) > 5
    assert all(1 <= room <= 100 for room in rooms[0])


def test_empty_is_who_was_well_and_ran_nothing() -> None:
    assert End(0, 10, failed=False, payloads=0).empty
    assert not End(0, 10, failed=True, payloads=0).empty
    assert not End(0, 10, failed=False, payloads=1).empty
