"""Which part of the demand falls to a queue: any rule that puts a claim forward takes part."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from autopyfactory.factory.shares import claim_of, factory_part, pilots_of_sharers, share_of
from autopyfactory.model.decision import CycleInputs, RecentPilots, Step
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.shares import WHOLE, Claim, Part, nth
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.plugins.sched.ready import Ready
from autopyfactory.plugins.sched.share import Share
from schedkit import build


class Halves(SchedPlugin):
    """A third party's rule."""

    name = "Halves"

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        return self.step(n, n, "")

    def claim(self, recent: Any, batch: Any) -> Claim:
        return Claim(1.0)


def queue(name: str, *chain: SchedPlugin, wmsqueue: str = "W", pending: int | None = None) -> Any:
    last = None
    if pending is not None:
        inputs = CycleInputs(name, batch=BatchQueueInfo(pending=pending))
        last = CycleRecord(name, 1, datetime(2026, 11, 28, tzinfo=UTC), "nothing", "", inputs=inputs)
    config = SimpleNamespace(options=SimpleNamespace(wmsqueue=wmsqueue))
    return SimpleNamespace(name=name, parts=SimpleNamespace(chain=chain), config=config, last=last)


def nobody_asks(_: str) -> RecentPilots | None:
    raise AssertionError("weights do not need what happened lately")


def test_a_queue_without_such_a_rule_has_no_claim() -> None:
    assert claim_of(queue("a", build(Ready)), nobody_asks) is None


def test_a_weight_is_a_claim() -> None:
    share = build(Share, **{"sched.share.weight": 3, "sched.share.by": "weight"})
    assert claim_of(queue("a", build(Ready), share), nobody_asks) == Claim(3.0)


def test_throughput_is_how_readily_pilots_start() -> None:
    share = build(Share)  # by throughput, unless told otherwise
    recent = lambda name: RecentPilots(started=6, starts=(10.0, 20.0, 1000.0, 2000.0))  # noqa: E731
    assert claim_of(queue("a", share, pending=4), recent) == Claim(1.0, 0.5)  # 1 + 3 lately, and 4 wait
    assert claim_of(queue("a", share, pending=0), recent) == Claim(1.0, 1.0)
    assert claim_of(queue("a", share), recent) == Claim(1.0)  # no cycle yet
    assert claim_of(queue("a", share, pending=5), lambda name: None) == Claim(1.0)


def test_one_of_several_factories_claims_its_part() -> None:
    mine = queue("a", build(Share, **{"sched.share.factories": 2, "sched.share.factory": 2}))
    assert factory_part(mine, lambda name: None) == nth(2, 2)
    assert factory_part(queue("a", build(Ready)), nobody_asks) == WHOLE


def test_pilots_of_the_others_that_share() -> None:
    mine, other = queue("a", build(Share), pending=1), queue("b", build(Share), pending=7)
    alone, elsewhere = queue("c", build(Ready), pending=9), queue("d", build(Share), wmsqueue="X", pending=9)
    queues = {q.name: q for q in (mine, other, alone, elsewhere)}
    assert pilots_of_sharers(mine, queues, lambda name: None) == (BatchQueueInfo(pending=7),)
    assert pilots_of_sharers(alone, queues, nobody_asks) == ()


def test_a_third_partys_rule_shares_with_ours() -> None:
    mine = queue("a", Halves(None, None))  # type: ignore[arg-type]
    by_weight = {"sched.share.by": "weight"}
    other = queue("b", build(Ready), build(Share, **by_weight, **{"sched.share.weight": 3}))
    elsewhere = queue("c", build(Share, **by_weight), wmsqueue="X")
    queues = {q.name: q for q in (mine, other, elsewhere)}
    part = share_of(mine, queues, nobody_asks)
    assert part == Part(0.0, 0.25)
    assert share_of(queue("d", build(Ready)), queues, nobody_asks) == WHOLE
