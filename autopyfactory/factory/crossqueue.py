"""What a queue's rules must know of the other queues: the whole factory's pilots, those at the CE, shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autopyfactory.factory.occupancy import Occupancy
from autopyfactory.factory.shares import Recent, share_of

if TYPE_CHECKING:
    from autopyfactory.cycle.queue import APFQueue


def surroundings(
    mine: APFQueue, queues: Mapping[str, APFQueue], occupancy: Occupancy, recent: Recent
) -> dict[str, Any]:
    """Return the CycleInputs fields for `mine` among `queues`; only those that its rules need."""
    found: dict[str, Any] = {}
    chain = mine.parts.chain
    if any("factory" in rule.needs for rule in chain):
        found["factory_active"] = occupancy.active("factory")
    if any(cap.scope == "ce" for rule in chain for cap in rule.caps()):
        at_ce = occupancy.active(f"ce:{mine.parts.submit.ce}")
        found["scope_active"] = {} if at_ce is None else {"ce": at_ce}
    return found | share_of(mine, queues, recent)
