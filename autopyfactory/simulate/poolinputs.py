"""What one simulated queue knows in one cycle."""

from __future__ import annotations

from dataclasses import dataclass

from autopyfactory.model.decision import CycleInputs, RecentPilots
from autopyfactory.simulate.jobs import WmsCounts


@dataclass(frozen=True, slots=True)
class PoolInputs(CycleInputs):
    """What the simulated grid tells beyond a factory's sources; only reference policies look at it."""

    pool: WmsCounts | None = None  # what the pool of pilots shows
    cached: WmsCounts | None = None  # the WMS's counts as of up to ten minutes ago
    site_index: int = 0
    active: tuple[tuple[int, int], ...] = ()  # pending and running pilots of all queues
    histories: tuple[RecentPilots, ...] = ()  # of all queues
