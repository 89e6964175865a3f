"""Which part of the work of a WMS queue falls to each of the queues that serve it.

The parts lie side by side on the line from 0 to 1, in the order of the queues' names; a rule that takes
floor(n x upper) - floor(n x lower) then gives numbers that add up to n exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autopyfactory.queue import APFQueue


def weight_of(queue: APFQueue) -> float | None:
    """Return the weight that a queue's Share rule gives it; None when its chain has no such rule."""
    for rule in queue.parts.chain:
        if rule.name == "Share":
            return float(rule.options.weight)
    return None


def share_of(queue: APFQueue, queues: Mapping[str, APFQueue]) -> dict[str, Any]:
    """Return the CycleInputs fields `share`, `share_lower`, `share_upper` of `queue`; nothing without Share."""
    if weight_of(queue) is None:
        return {}
    wmsqueue = queue.config.options.wmsqueue
    peers = {
        q.name: weight
        for q in sorted(queues.values(), key=lambda q: q.name)
        if q.config.options.wmsqueue == wmsqueue and (weight := weight_of(q)) is not None
    }
    total = sum(peers.values())
    if total <= 0:
        return {"share": 0.0, "share_lower": 0.0, "share_upper": 0.0}
    lower = 0.0
    for name, weight in peers.items():
        if name == queue.name:
            last = name == list(peers)[-1]  # rounding must not leave a gap at the end
            upper = 1.0 if last else lower + weight / total
            return {"share": weight / total, "share_lower": lower, "share_upper": upper}
        lower += weight / total
    return {}
