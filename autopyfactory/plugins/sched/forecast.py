"""What the counts of earlier cycles tell about the next minutes: trend of the work, pilots that are stuck."""

from __future__ import annotations

from itertools import pairwise

from autopyfactory.model.decision import CycleInputs, PastCycle

PARTS = 3  # a trend is one only if each part of the time span shows it: a single step does not count


def current(inputs: CycleInputs) -> PastCycle:
    """Return this cycle's counts in the form of the earlier ones; WMS and batch status must be known."""
    assert inputs.wms is not None and inputs.batch is not None
    return PastCycle(0.0, inputs.wms.ready, inputs.wms.running, inputs.batch.pending, inputs.batch.running)


def since(inputs: CycleInputs, seconds: float) -> list[PastCycle]:
    """Return this cycle and those of the last `seconds`, newest first."""
    return [current(inputs), *(p for p in inputs.past if p.ago <= seconds)]


def covers(inputs: CycleInputs, seconds: float) -> bool:
    """Return whether the earlier cycles that are known go back so far."""
    return bool(inputs.past) and inputs.past[-1].ago >= seconds


def trend(inputs: CycleInputs, seconds: float) -> float:
    """Return by how many jobs per second the work, ready and running, grows (negative: shrinks).

    The time span is cut into three parts, and the slowest of their slopes is what counts, or 0 if they do
    not all have the same sign. Where no job ran for a third of it although some were ready, the work piled
    up for want of pilots, which says nothing about what comes.
    """
    cycles = since(inputs, seconds)
    if PARTS * sum(c.ready > 0 and c.jobs_running == 0 for c in cycles) > len(cycles):
        return 0.0
    size = (len(cycles) - 1) // PARTS
    if size < 1:
        return 0.0
    slopes = []
    for part in range(PARTS):
        late, early = cycles[part * size], cycles[(part + 1) * size]
        grown = late.ready + late.jobs_running - early.ready - early.jobs_running
        slopes.append(grown / max(1.0, early.ago - late.ago))
    if min(slopes) > 0:
        return min(slopes)
    return max(slopes) if max(slopes) < 0 else 0.0


def stalled(inputs: CycleInputs, seconds: float) -> bool:
    """Return whether pilots have been pending for so long without a single sign that one started."""
    cycles = since(inputs, seconds)
    if not covers(inputs, seconds) or any(c.pending == 0 for c in cycles):
        return False
    return all(newer.running <= older.running for newer, older in pairwise(cycles))


def unused(cycle: PastCycle, share: float) -> float:
    """Return the pilots that run no payload: booting, or waiting for one."""
    return max(0.0, cycle.running - share * cycle.jobs_running)


def idle_beside_work(inputs: CycleInputs, share: float, seconds: float) -> float:
    """Return how many pilots without payload have stood beside as many ready jobs for so long."""
    if not covers(inputs, seconds):
        return 0.0
    return min(min(unused(c, share), c.ready * share) for c in since(inputs, seconds))


def stuck(inputs: CycleInputs, share: float, seconds: float) -> float:
    """Return how many pilots have been without payload for so long while jobs were ready and none started.

    They do not fit the work. A WMS that does not count running jobs makes all pilots look like that: then
    none of them counts as room, and the ready jobs get pilots.
    """
    cycles = since(inputs, seconds)
    if not covers(inputs, seconds) or any(c.ready == 0 for c in cycles):
        return 0.0
    if any(newer.jobs_running > older.jobs_running for newer, older in pairwise(cycles)):
        return 0.0
    return min(unused(c, share) for c in cycles)
