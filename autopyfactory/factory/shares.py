"""Which part of the work of a WMS queue falls to each of the queues that serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from autopyfactory.model.decision import RecentPilots
from autopyfactory.model.shares import WHOLE, Claim, Part, divide

if TYPE_CHECKING:
    from autopyfactory.cycle.queue import APFQueue

Recent = Callable[[str], RecentPilots | None]


def claim_of(queue: APFQueue, recent: Recent) -> Claim | None:
    """Return what `queue` puts forward for its share; None when no rule of its chain divides the demand."""
    last = queue.last
    batch = last.inputs.batch if last and last.inputs else None
    claims = (rule.claim(lambda: recent(queue.name), batch) for rule in queue.parts.chain)
    return next((claim for claim in claims if claim is not None), None)


def share_of(queue: APFQueue, queues: Mapping[str, APFQueue], recent: Recent) -> Part:
    """Return which part of its WMS queue's demand falls to `queue`: all, if it puts no claim forward."""
    if claim_of(queue, recent) is None:
        return WHOLE
    wmsqueue = queue.config.options.wmsqueue
    peers = [q for q in tuple(queues.values()) if q.config.options.wmsqueue == wmsqueue]
    claims = {q.name: c for q in peers if (c := claim_of(q, recent)) is not None}
    return divide(claims)[queue.name]
