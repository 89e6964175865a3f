"""glideinWMS' numbers, against values worked out by hand from its sources."""

from __future__ import annotations

import pytest

from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.simulate.jobs import WmsCounts
from autopyfactory.simulate.poolinputs import PoolInputs
from autopyfactory.simulate.references.glideinwms import GlideinWMS


def known(ready, pending=0, running=0, *, idle=0, old=0, working=0, unsubmitted=0, sites=1):
    other = (0,) * (sites - 1)
    pool = WmsCounts(
        0.0,
        ready,
        0,
        0,
        old=old,
        idle=(idle, *other),
        places=(idle + working, *other),
        working=(working, *other),
    )
    batch = BatchQueueInfo(pending=pending, running=running, unsubmitted=unsubmitted)
    return PoolInputs("Q", batch=batch, pool=pool)


FAST = {"attenuation": 1.0}
TRACKING = {"removal": "IDLE", "requests_tracking": True}


@pytest.mark.parametrize(
    ("settings", "inputs", "expected"),
    [
        ({}, known(90), 30),  # a third of what is needed
        ({}, known(90, idle=4), 28),
        ({}, known(90, idle=30), 10),  # five idle slots are a curb
        ({"idle_curb": 100}, known(90, idle=30), 20),
        ({}, known(90, pending=12), 18),
        ({}, known(90, old=9), 33),  # a third of the old ones on top
        ({}, known(90, old=90), 35),  # ... up to the reserve
        ({}, known(1), 1),  # never less than one while jobs are idle
        ({}, known(9000), 100),
        ({}, known(9000, idle=100), 0),  # enough idle slots
        ({}, known(90, idle=90), 0),  # the idle slots cover the jobs
        (FAST, known(50), 50),
        (FAST, known(50, running=40), 18),  # 50 x 1.15 + 1 = 58 may exist; none of the 40 runs a job
        (FAST, known(50, running=40, working=40), 50),
        ({"max_running": 50, **FAST}, known(90, running=40, working=40), 10),
        ({}, known(90, sites=3), 10),  # each site gets a third of the jobs
        ({"payloads": 8, **FAST}, known(80), 10),
        ({}, known(0, running=10, working=10), 0),
        (TRACKING, known(0, pending=20, running=9, working=9), -5),  # five per cycle
        ({**TRACKING, "max_removes": 99}, known(3, pending=20), -19),
        ({**TRACKING, "max_removes": 99, "margin": 10}, known(3, pending=20), -9),
        ({**TRACKING, "max_removes": 99}, known(0, pending=20, unsubmitted=7), -7),  # these first
        (
            {"removal": "WAIT", "requests_tracking": True, "max_removes": 99},
            known(0, pending=20, unsubmitted=2),
            -2,
        ),
        ({}, known(0, pending=20), 0),  # not by default
    ],
)
def test_one_cycle(settings, inputs, expected):
    step = GlideinWMS(**settings).calc(0, inputs)
    assert step.n_out == expected
    assert step.spares_running


def test_without_idle_jobs_it_removes_after_a_while_the_unsubmitted_then_all_that_wait():
    rule = GlideinWMS()
    found = [rule.calc(0, known(0, pending=9, unsubmitted=2)).n_out for _ in range(6)]
    assert found == [0, 0, 0, 0, 0, -2]
    later = [rule.calc(0, known(0, pending=7)).n_out for _ in range(6)]
    assert later == [0, 0, 0, 0, -5, -5]  # ten cycles without a pilot that runs a job
    rule.calc(0, known(3, pending=7))
    assert rule.calc(0, known(0, pending=7)).n_out == 0
