"""Which part of the demand falls to a queue: any rule that puts a claim forward takes part."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from autopyfactory.factory.shares import claim_of, share_of
from autopyfactory.model.decision import CycleInputs, RecentPilots, Step
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.shares import WHOLE, Claim, Part
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


def queue(name: str, *chain: SchedPlugin, wmsqueue: str = "W", running: int | None = None) -> Any:
    last = None
    if running is not None:
        inputs = CycleInputs(name, batch=BatchQueueInfo(running=running))
        last = CycleRecord(name, 1, datetime(2026, 11, 28, tzinfo=UTC), "nothing", "", inputs=inputs)
    config = SimpleNamespace(options=SimpleNamespace(wmsqueue=wmsqueue))
    return SimpleNamespace(name=name, parts=SimpleNamespace(chain=chain), config=config, last=last)


def nobody_asks(_: str) -> RecentPilots | None:
    raise AssertionError("weights do not need what happened lately")


def test_a_queue_without_such_a_rule_has_no_claim() -> None:
    assert claim_of(queue("a", build(Ready)), nobody_asks) is None


def test_a_weight_is_a_claim() -> None:
    share = build(Share, **{"sched.share.weight": 3})
    assert claim_of(queue("a", build(Ready), share), nobody_asks) == Claim(3.0)


def test_throughput_is_started_and_running() -> None:
    share = build(Share, **{"sched.share.by": "throughput"})
    recent = lambda name: RecentPilots(started=4)  # noqa: E731
    assert claim_of(queue("a", share, running=5), recent) == Claim(1.0, 9.0)
    assert claim_of(queue("a", share), recent) == Claim(1.0)  # no cycle yet
    assert claim_of(queue("a", share, running=5), lambda name: None) == Claim(1.0)


def test_a_third_partys_rule_shares_with_ours() -> None:
    mine = queue("a", Halves(None, None))  # type: ignore[arg-type]
    other = queue("b", build(Ready), build(Share, **{"sched.share.weight": 3}))
    elsewhere = queue("c", build(Share), wmsqueue="X")
    queues = {q.name: q for q in (mine, other, elsewhere)}
    part = share_of(mine, queues, nobody_asks)
    assert part == Part(0.0, 0.25)
    assert share_of(queue("d", build(Ready)), queues, nobody_asks) == WHOLE
