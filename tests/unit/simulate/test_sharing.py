"""The part of the work that falls to each simulated queue: together they are all of it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.shares import WHOLE
from autopyfactory.simulate.agenda import Agenda
from autopyfactory.simulate.chain import from_texts
from autopyfactory.simulate.factoryqueue import SimulatedFactoryQueue
from autopyfactory.simulate.jobs import JobQueue
from autopyfactory.simulate.models import CEModel, Timing
from autopyfactory.simulate.sharing import part_of
from autopyfactory.simulate.sites import Site


def queues(n: int, rules: str = "Ready,Share", **options: str) -> list[SimulatedFactoryQueue]:
    made = []
    for i in range(n):
        agenda = Agenda()
        site = Site(agenda, JobQueue(agenda, []), CEModel(), Random(i), Random(i))
        texts = {"schedplugin": rules, **{k.replace("_", "."): v for k, v in options.items()}}
        made.append(SimulatedFactoryQueue(from_texts(texts).chain, site, Timing()))
        made[-1].poll(0.0)
    return made


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_parts_add_up_to_the_demand_whatever_it_is(n: int, demand: int) -> None:
    made = queues(n, sched_share_by="weight")
    parts = [part_of(made, i) for i in range(n)]
    assert sum(p.of(demand) for p in parts) == demand
    assert max(p.of(demand) for p in parts) - min(p.of(demand) for p in parts) <= 1, (
        "equal ones share equally"
    )


def test_one_queue_and_one_that_claims_nothing_have_it_all() -> None:
    assert part_of(queues(1), 0) == WHOLE
    assert [part_of(queues(3, "Ready"), i) for i in range(3)] == [WHOLE] * 3


def test_where_pilots_start_more_readily_more_is_sent() -> None:
    good, bad = made = queues(2, sched_share_by="throughput")
    for q, started, waiting in ((good, 50, 0), (bad, 2, 48)):
        q.site.send(waiting)
        q.site.starts.extend((1.0, 60.0) for _ in range(started))
        q.poll(2.0)
    widths = [part_of(made, i).width for i in range(2)]
    throughput = (1 + 2) / (1 + 2 + 48)  # of the bad one; of the good one 1
    assert widths == pytest.approx([1 / (1 + throughput), throughput / (1 + throughput)])


def test_more_than_ten_queues_keep_their_order() -> None:
    """Parts lie side by side in the order of names: queue 10 comes after queue 9."""
    made: Any = queues(12, sched_share_by="weight")
    lowers = [part_of(made, i).lower for i in range(12)]
    assert lowers == sorted(lowers)
