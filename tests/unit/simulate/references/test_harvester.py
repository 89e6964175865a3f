"""Harvester's numbers, against values worked out by hand from its sources."""

from __future__ import annotations

import pytest

from autopyfactory.model.decision import RecentPilots
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.simulate.jobs import WmsCounts
from autopyfactory.simulate.poolinputs import PoolInputs
from autopyfactory.simulate.references.harvester import Harvester


def known(ready, *queues, index=0, histories=()):
    active = queues or ((0, 0),)
    batch = BatchQueueInfo(pending=active[index][0], running=active[index][1])
    return PoolInputs(
        "Q",
        batch=batch,
        cached=WmsCounts(0.0, ready, 0, 0),
        active=active,
        site_index=index,
        histories=histories or (RecentPilots(),) * len(active),
    )


@pytest.mark.parametrize(
    ("settings", "inputs", "expected"),
    [
        ({}, known(0), 1),
        ({"min_pilots": 0}, known(0), 0),
        ({"min_pilots": 0, "payloads": 8}, known(3), 1),  # at least one while there are jobs
        ({}, known(30, (10, 0)), 20),
        ({}, known(30, (40, 0)), 0),
        ({}, known(500), 100),
        ({"max_new": 10}, known(500), 10),
        ({"payloads": 8}, known(80), 10),
        ({"max_workers": 60}, known(50, (5, 50)), 5),
        ({"ratio": 50, "ratio_min": 10}, known(500, (3, 60)), 27),  # half of the running ones may be queued
        ({"ratio": 50, "ratio_min": 10}, known(500, (3, 8)), 7),
        ({"ratio": 500, "ratio_min": 10}, known(500, (0, 60)), 100),
    ],
)
def test_one_cycle(settings, inputs, expected):
    assert Harvester(**settings).calc(0, inputs).n_out == expected


def test_ces_share_by_what_they_start():
    good, dead = RecentPilots(submitted=50, started=50), RecentPilots(submitted=50, started=0)
    queues = ((0, 0), (0, 0))
    of_good, of_dead = (
        Harvester().calc(0, known(60, *queues, index=i, histories=(good, dead))).n_out for i in (0, 1)
    )
    assert of_good > 8 * of_dead > 0
    assert of_good + of_dead == 60
