"""Which part of the work of a WMS queue falls to each of the queues that serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from autopyfactory.model.decision import RecentPilots
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.shares import WHOLE, Claim, Part, divide

if TYPE_CHECKING:
    from autopyfactory.cycle.queue import APFQueue

Recent = Callable[[str], RecentPilots | None]


def claim_of(queue: APFQueue, recent: Recent) -> Claim | None:
    """Return what `queue` puts forward for its share; None when no rule of its chain divides the demand."""
    last = queue.last
    batch = last.inputs.batch if last and last.inputs else None
    for rule in queue.parts.chain:
        if (claim := rule.claim(lambda: recent(queue.name), batch)) is not None:
            return claim
    return None


def _claim_of_other(queue: APFQueue, recent: Recent) -> Claim | None:
    """Return the same of another queue; None also when that fails, for then it sends nothing."""
    try:
        return claim_of(queue, recent)
    except Exception:  # noqa: BLE001 - a plugin's: it is told by the queue that has it
        return None


def share_of(queue: APFQueue, queues: Mapping[str, APFQueue], recent: Recent) -> Part:
    """Return which part of its WMS queue's demand falls to `queue`: all, if it puts no claim forward."""
    if claim_of(queue, recent) is None:
        return WHOLE
    claims = {q.name: c for q in _peers(queue, queues) if (c := _claim_of_other(q, recent)) is not None}
    return divide(claims)[queue.name]


def factory_part(queue: APFQueue, recent: Recent) -> Part:
    """Return the part of this factory in the demand of `queue`, which several factories may serve."""
    claim = claim_of(queue, recent)
    return WHOLE if claim is None else claim.within


def pilots_of_sharers(
    queue: APFQueue, queues: Mapping[str, APFQueue], recent: Recent
) -> tuple[BatchQueueInfo, ...]:
    """Return the pilots of the other queues that share the demand, as their last cycles saw them."""
    if claim_of(queue, recent) is None:
        return ()
    others = [q for q in _peers(queue, queues) if q is not queue and _claim_of_other(q, recent) is not None]
    seen = (q.last.inputs.batch for q in others if q.last is not None and q.last.inputs is not None)
    return tuple(batch for batch in seen if batch is not None)


def _peers(queue: APFQueue, queues: Mapping[str, APFQueue]) -> list[APFQueue]:
    wmsqueue = queue.config.options.wmsqueue
    return [q for q in tuple(queues.values()) if q.config.options.wmsqueue == wmsqueue]
