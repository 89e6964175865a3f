"""Which part of the work falls to each simulated queue; as `factory.shares` does for real ones."""

from __future__ import annotations

from collections.abc import Sequence

from autopyfactory.model.shares import WHOLE, Claim, Part, divide
from autopyfactory.plugins.base import SchedPlugin
from autopyfactory.simulate.factoryqueue import SimulatedFactoryQueue


def part_of(queues: Sequence[SimulatedFactoryQueue], index: int) -> Part:
    """Return which part of the demand falls to queue `index`: all, if it puts no claim forward."""
    if len(queues) == 1 or _claim(queues[index]) is None:
        return WHOLE
    claims = {f"{i:03}": c for i, q in enumerate(queues) if (c := _claim(q)) is not None}
    return divide(claims)[f"{index:03}"]


def _claim(queue: SimulatedFactoryQueue) -> Claim | None:
    rules = (rule for rule in queue.chain if isinstance(rule, SchedPlugin))  # references divide by themselves
    claims = (rule.claim(lambda: queue.history, queue.batch) for rule in rules)
    return next((claim for claim in claims if claim is not None), None)
