"""The simulated grid: jobs are neither lost nor doubled, pilots and sites do what pilots and sites do."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.simulate.models import CEModel, Job, Period, Workload
from autopyfactory.simulate.pilots import TAKEN_BACK
from autopyfactory.simulate.world import World

EXACT = CEModel(
    handover=0, latency=100, latency_sigma=0, boot=50, boot_sigma=0, idle=300, failing=0, lag=0, removal=10,
    removal_sigma=0, load=0, starts_per_minute=0,
)  # fmt: skip


def world(jobs, *sites, seed=1):
    made = tuple(j if isinstance(j, Job) else Job(*j) for j in jobs)
    return World(Workload("w", "", made, sites or (EXACT,)), seed)


def look(w, t):
    w.agenda.run(t)
    counts, site = w.counts(), w.sites[0]
    return counts.ready, counts.running, len(site.known_pending), site.known_running


def test_a_pilot_travels_boots_works_waits_and_ends():
    w = world([(0, 1000)])
    w.sites[0].send(1)
    seen = {t: look(w, t) for t in (99, 101, 149, 151, 1149, 1151, 1449, 1451)}
    assert seen == {
        99: (1, 0, 1, 0),
        101: (1, 0, 0, 1),
        149: (1, 0, 0, 1),
        151: (0, 1, 0, 1),
        1149: (0, 1, 0, 1),
        1151: (0, 0, 0, 1),
        1449: (0, 0, 0, 1),
        1451: (0, 0, 0, 0),
    }
    (pilot,) = w.sites[0].pilots
    assert (pilot.wall, pilot.busy, pilot.ran) == (1350, 1000, 1)
    assert w.over


def test_an_idle_pilot_takes_a_job_that_comes():
    w = world([(0, 10), (300, 10)])
    w.sites[0].send(1)
    w.agenda.run(2000)
    assert w.queue.left == 0
    assert (w.sites[0].pilots[0].ran, w.queue.jobs[1].started) == (2, 300)


def test_slots_and_other_users_limit_what_runs():
    w = world([(0, 1000)] * 5, replace(EXACT, slots=2))
    w.sites[0].send(5)
    assert look(w, 500) == (3, 2, 3, 2)
    w = world([(0, 1000)] * 9, replace(EXACT, slots=8, others=0.5))
    w.sites[0].send(9)
    assert look(w, 500)[3] == 4


def test_the_batch_system_starts_only_so_many_per_minute():
    w = world([(0, 10000)] * 9, replace(EXACT, starts_per_minute=2))
    w.sites[0].send(9)
    assert [look(w, t)[3] for t in (101, 131, 161, 191)] == [1, 2, 3, 4]


def test_the_latency_is_longer_at_a_full_site():
    w = world([(0, 10000)], replace(EXACT, slots=1, load=2.0, lifetime=500))
    w.sites[0].send(1)
    w.agenda.run(200)
    w.sites[0].send(1)
    w.agenda.run(499)
    assert w.sites[0].pilots[1].stage < TAKEN_BACK
    assert w.sites[0].pilots[1] not in w.sites[0]._waiting  # after 100 s it would be
    w.agenda.run(501)
    assert w.sites[0].pilots[1] in w.sites[0]._waiting


def test_a_pilot_of_several_payloads():
    w = world([(0, 400), (0, 800), (0, 400)], replace(EXACT, payloads=2))
    w.sites[0].send(1)
    w.agenda.run(200)
    assert w.counts(pool=True).idle == (0,)
    w.agenda.run(600)  # the first of them is over, the third runs beside the second
    assert (w.counts().running, w.counts().ready) == (2, 0)
    w.agenda.run(2000)
    (pilot,) = w.sites[0].pilots
    assert (pilot.ran, pilot.busy, pilot.wall) == (3, 1600, 50 + 800 + 300)


def test_a_pilot_takes_no_job_after_its_lifetime():
    w = world([(0, 400)] * 9, replace(EXACT, lifetime=1000))
    w.sites[0].send(1)
    w.agenda.run(10000)
    assert w.queue.done == 3
    assert w.sites[0].pilots[0].wall == 50 + 3 * 400


def test_failing_pilots_take_no_job_and_a_black_hole_is_a_place_where_pilots_fail():
    for ce in (replace(EXACT, failing=1.0), replace(EXACT, holes=(Period(0, 900),), hole_takes=1.0)):
        w = world([(0, 10)], ce)
        w.sites[0].send(3)
        w.agenda.run(1000)
        assert [p.failed for p in w.sites[0].pilots] == [True] * 3
        assert w.counts().ready == 1


def test_what_does_not_fit_stays_ready_and_what_is_cancelled_goes():
    jobs = [
        Job(0, 10, fits=False, cancelled_at=900),
        Job(0, 5000, cancelled_at=400),
        Job(0, 5000, cancelled_at=20),
    ]
    w = world(jobs)
    w.sites[0].send(2)
    assert look(w, 10)[:2] == (3, 0)
    assert look(w, 30)[:2] == (2, 0)
    assert look(w, 200)[:2] == (1, 1)
    assert look(w, 500)[:2] == (1, 0)
    assert w.queue.left == 0
    assert look(w, 1000) == (0, 0, 0, 0)
    assert w.queue.done == 0


class TestTakingBack:
    def test_what_the_ce_has_not_seen_goes_first_and_costs_nothing(self):
        w = world([], replace(EXACT, handover=50))
        w.sites[0].send(1)
        w.agenda.run(1000)
        w.sites[0].send(2)
        w.agenda.run(1040)
        site = w.sites[0]
        while site.in_schedd == 2:
            w.agenda.run(w.agenda.now + 1)
        site.take_back(1)
        assert (site.spared, site.removals, site.submits) == (1, 0, 2)
        site.take_back(1)
        assert (site.spared, site.removals) == (1, 1)

    def test_a_pilot_that_started_meanwhile_loses_its_payload_which_runs_anew(self):
        w = world([(0, 1000)], replace(EXACT, lag=1e6, removal=120))
        site = w.sites[0]
        site.send(1)
        w.agenda.run(90)
        assert site.take_back(1) == 1  # it starts at 100, runs the job from 150 and is removed at 210
        w.agenda.run(209)
        assert w.counts().running == 1
        w.agenda.run(211)
        assert (site.killed, w.counts().running, w.counts().ready) == (1, 0, 1)
        site.send(1)
        w.agenda.run(5000)
        assert w.queue.done == 1
        assert w.queue.jobs[0].started == 150  # people's wait ended then

    def test_the_schedd_learns_of_a_start_late(self):
        w = world([(0, 1000)], replace(EXACT, lag=60))
        w.sites[0].send(1)
        assert look(w, 101)[2:] == (1, 0)
        assert look(w, 161)[2:] == (0, 1)
        assert w.sites[0].starts[0][1] == 100

    def test_running_pilots_drain(self):
        w = world([(0, 1000), (0, 1000)])
        w.sites[0].send(1)
        w.agenda.run(200)
        w.sites[0].drain(1)
        w.agenda.run(1151)
        assert not w.sites[0].running
        assert w.queue.done == 1


def test_in_an_outage_nothing_starts_and_lost_jobs_come_back():
    w = world([(0, 1000)], replace(EXACT, outages=(Period(500, 2000),)))
    w.sites[0].send(2)
    assert look(w, 600) == (1, 0, 0, 0)
    w.sites[0].send(1)
    assert look(w, 1999)[2] == 1
    w.agenda.run(4000)
    assert w.queue.done == 1
    assert w.queue.jobs[0].started == 150


def test_several_sites_serve_one_demand():
    w = world([(0, 1000)] * 3, EXACT, replace(EXACT, outages=(Period(0, 1e9),)))
    for site in w.sites:
        site.send(2)
    w.agenda.run(200)
    assert [len(s.running) for s in w.sites] == [2, 0]
    assert (w.counts().ready, w.counts().running) == (1, 2)
    assert w.counts(pool=True).working == (2, 0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Job,
            st.floats(0, 4000),
            st.floats(1, 2000),
            st.booleans(),
            st.sampled_from([300.0, 2500.0, float("inf")]),
        ),
        min_size=1,
        max_size=20,
    ),
    st.lists(st.tuples(st.integers(-4, 8), st.floats(1, 400)), max_size=20),
    st.integers(0, 99),
    st.integers(1, 3),
)
def test_jobs_and_pilots_are_conserved(jobs, orders, seed, payloads):
    ce = CEModel(
        slots=5, latency=60, boot=20, idle=50, failing=0.2, outages=(Period(800, 1200),), payloads=payloads,
        others=0.3, others_swing=0.5, lifetime=700,
    )  # fmt: skip
    w = world(sorted(jobs, key=lambda j: j.ready_at), ce, ce, seed=seed)
    sent = 0
    for n, pause in orders:
        for site in w.sites:
            if n > 0:
                site.send(n)
                sent += n
            else:
                site.take_back(-n)
        w.agenda.run(w.agenda.now + pause)
        wms, q = w.counts(pool=True), w.queue
        waiting = sum(j.state == 1 and j.job.fits for j in q.jobs)
        assert (q.ready, q.running) == (waiting, sum(j.state == 2 for j in q.jobs))
        assert q.left == sum(j.job.fits and j.state != 3 for j in q.jobs)
        assert q.done <= sum(j.state == 3 for j in q.jobs)
        assert wms.running == sum(len(p.jobs) for s in w.sites for p in s.running)
        pilots = [p for s in w.sites for p in s.pilots]
        assert len(pilots) == sent
        assert all(len(p.jobs) <= payloads for p in pilots)
        assert all(not p.jobs for p in pilots if not p.runs)
        assert not (q.ready and any(not p.closing for p in q.idle))  # nobody waits beside a job
        for site in w.sites:
            assert len(site.running) <= 5
            assert site.known_running >= 0
            assert set(site.known_pending) <= set(site.pilots)
