"""What a queue has to know of the others is looked up only as far as its rules need it."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.cycle.components import Parts, Route
from autopyfactory.factory.crossqueue import declared_for, other_queues
from autopyfactory.model.decision import OtherQueues
from autopyfactory.model.downtimes import NOTHING, Declared, Outage
from autopyfactory.model.shares import Part
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.downtime import Downtime
from autopyfactory.plugins.sched.maxperce import MaxPerCE
from autopyfactory.plugins.sched.maxperfactory import MaxPerFactory
from autopyfactory.plugins.sched.ready import Ready
from autopyfactory.plugins.sched.share import Share
from fakes import FakeSubmit
from schedkit import build


class Occupied:
    """Counts by scope, and which were asked for."""

    def __init__(self, **counts: int | None):
        self.counts = {"factory": counts.get("factory"), "ce:ce1": counts.get("ce1")}
        self.asked: list[str] = []

    def active(self, scope: str = "factory", ce: str = "") -> int | None:
        self.asked.append(scope)
        return self.counts[f"{scope}:{ce}" if ce else scope]


def queue(name: str, *chain: SchedPlugin[Any], ces: tuple[str, ...] = ("ce1",)) -> Any:
    first, *others = map(FakeSubmit, ces)
    parts = Parts(chain, first, others=[Route(other) for other in others])
    config = SimpleNamespace(options=SimpleNamespace(wmsqueue="W"))
    return SimpleNamespace(name=name, parts=parts, config=config, last=None)


def known(mine: Any, occupied: Occupied, *others: Any) -> OtherQueues:
    queues = {q.name: q for q in (mine, *others)}
    return other_queues(mine, queues, occupied, lambda name: None)  # type: ignore[arg-type]


def test_rules_that_need_nothing_of_others_ask_for_nothing() -> None:
    occupied = Occupied(factory=5, ce1=3)
    assert known(queue("a", build(Ready), build(MaxPerCE)), occupied) == OtherQueues()
    assert occupied.asked == []


@pytest.mark.parametrize("count", [0, 7, None])
def test_the_whole_factory(count: int | None) -> None:
    assert known(queue("a", build(MaxPerFactory)), Occupied(factory=count)).factory_active == count


def test_the_ce() -> None:
    rule = build(MaxPerCE, **{"sched.maxperce.maximum": 9})
    assert known(queue("a", rule), Occupied(ce1=3)).scope_active == {"ce": 3}
    assert known(queue("a", rule), Occupied(ce1=None)).scope_active == {}  # not known is not zero


def test_the_share() -> None:
    mine, other = queue("a", build(Share)), queue("b", build(Share))
    assert known(mine, Occupied(), other).share == Part(0.0, 0.5)
    assert known(other, Occupied(), mine).share == Part(0.5, 1.0)


def test_each_of_several_ces_has_its_own_downtimes() -> None:
    start, end = datetime(2026, 11, 29, tzinfo=UTC), datetime(2026, 11, 30, tzinfo=UTC)
    down = {"ce1": Outage(start, end, "ce1"), "ce2": Outage(start, end, "ce2"), "site": Outage(start, end)}

    def of(names: tuple[str, ...]) -> Declared:
        return Declared(tuple(down[name] for name in names if name in down), "old", known=False)

    def declared(
        *chain: SchedPlugin[Any], ces: tuple[str, ...] = ("ce1:9620", "ce2", "slurm local")
    ) -> Declared:
        return declared_for(queue("a", *chain, ces=ces), of)

    assert declared(build(Ready)) == NOTHING
    assert declared(build(Downtime), ces=("ce1:9620",)) == of(("ce1",))
    assert declared(build(Downtime, **{"sched.downtime.site": "site"})) == of(("site",))
    found = declared(build(Downtime))
    assert [(o.ce, o.words) for o in found.outages] == [("ce1:9620", "ce1"), ("ce2", "ce2")]
    assert (found.ces, found.trouble, found.known) == (("ce1:9620", "ce2", "slurm local"), "old", False)
