"""Share: this queue's part of a demand that several queues, or several factories, serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from autopyfactory.model.decision import CycleInputs, Fact, Need, RecentPilots, Step
from autopyfactory.model.declaration import Bite, Declaration
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.shares import Claim, Part, nth
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin

LATELY = 1200.0  # s: what a site started longer ago says little about what it will start now
ELSEWHERE = Bite("share", "nobody", "nothing: other queues serve their share of this work")


class ShareOptions(Options):
    """What `Share` can be told."""

    weight: float = option(
        1.0,
        key="sched.share.weight",
        ge=0,
        allow_inf_nan=False,
        description="Weight of this queue among the queues that serve the same WMS queue",
    )
    by: Literal["weight", "throughput"] = option(
        "throughput",
        key="sched.share.by",
        description="throughput: divide by weight and by how readily pilots started lately, if all queues of "
        "the WMS queue say so; weight: by weight alone",
    )
    factories: int = option(
        1,
        key="sched.share.factories",
        ge=1,
        description="Number of factories that serve the same WMS queue; each takes an equal part",
    )
    factory: int | None = option(
        None,
        key="sched.share.factory",
        ge=1,
        description="Which of these factories this one is, from 1; each must have its own number",
    )

    @model_validator(mode="after")
    def _numbered(self) -> Self:
        if self.factories > 1 and self.factory is None:
            raise ValueError("sched.share.factory must say which of the factories this one is, from 1")
        if self.factory is not None and self.factory > self.factories:
            raise ValueError("sched.share.factory is beyond sched.share.factories")
        return self


class Share(SchedPlugin[ShareOptions]):
    """`part of (n + pending) - pending`; belongs right after Ready.

    What is divided is the demand, not what is missing from it: dividing the missing number again in every
    cycle would end with each queue serving the whole demand. The parts of all queues and factories add up
    to exactly the demand (see `shares`), so nothing is sent twice for a job.
    """

    name = "Share"
    Options = ShareOptions
    declares: ClassVar[Declaration] = Declaration("divides", cause=ELSEWHERE)
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return what is missing from this queue's part of the demand."""
        assert inputs.batch is not None
        mine = Part(inputs.share_lower, inputs.share_upper)
        facts = {"share": round(mine.width, 4), "factories": self.options.factories}
        if n < 0:
            return self._take_back(n, inputs, mine, facts)
        if n == 0:
            return self.step(n, n, "nothing to share", **facts)
        pending = inputs.batch.pending
        demand = n + pending
        part = mine.of(self._factory.of(demand))
        out = max(0, part - pending)
        among = f" of a factory among {self.options.factories}" if self.options.factories > 1 else ""
        reason = (
            f"{mine.width:.0%}{among} of {demand} is {part}, {pending} are pending: {out or 'nothing'} wanted"
        )
        return self.step(n, out, reason, **facts)

    def _take_back(self, n: int, inputs: CycleInputs, mine: Part, facts: Mapping[str, Fact]) -> Step:
        """Divide what is to be taken back: no queue loses more than it has beyond its part."""
        assert inputs.batch is not None
        pending = inputs.batch.pending
        part = mine.of(self._factory.of(max(0, n + pending)))
        out = -min(-n, max(0, pending - part))
        return self.step(n, out, f"{part} of this queue's {pending} are its part: {-out} too many", **facts)

    def claim(self, recent: Callable[[], RecentPilots | None], batch: BatchQueueInfo | None) -> Claim | None:
        """Return the weight, and the throughput if that is to count and is known."""
        weight = self.options.weight
        if self.options.by == "weight":
            return Claim(weight, within=self._factory)
        history = recent()
        if history is None or batch is None:
            return Claim(weight, within=self._factory)  # not known: then weight alone counts, for all
        started = sum(ago <= LATELY for ago in history.starts)
        return Claim(weight, (1.0 + started) / (1.0 + started + batch.pending), self._factory)

    @property
    def _factory(self) -> Part:
        return nth(self.options.factory or 1, self.options.factories)
