"""What the counts of earlier cycles tell about the next minutes.

All of it is about the whole demand, that is about the pilots of all queues that share it, unless it says
"own". A *place* is where a pilot runs one payload; a pilot may have several.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from autopyfactory.model.decision import CycleInputs, PastCycle

BUSY = 1800.0  # s: a pilot that runs for longer has had a payload
PARTS = 3  # a trend is one only if each part of the time span shows it: a single step does not count
STOOD = (
    3  # cycles in a row in which pilots stood beside ready jobs: counts of one moment may not fit together
)
IDLE = 2  # pilots that must have stood there: one may be an error of counts from two moments


def current(inputs: CycleInputs) -> PastCycle:
    """Return this cycle's counts in the form of the earlier ones; WMS and batch status must be known."""
    assert inputs.wms is not None and inputs.batch is not None
    return PastCycle(
        0.0,
        inputs.wms.ready,
        inputs.wms.running,
        inputs.batch.pending,
        inputs.batch.running,
        inputs.others_pending,
        inputs.others_running,
    )


def cycles(inputs: CycleInputs) -> list[PastCycle]:
    """Return this cycle and all that are remembered, newest first."""
    return [current(inputs), *inputs.past]


def unused(cycle: PastCycle, places: int) -> int:
    """Return the places without payload: of pilots that boot, or wait for one."""
    return max(0, places * (cycle.running + cycle.others_running) - cycle.jobs_running)


@dataclass(frozen=True, slots=True)
class Starts:
    """When own pilots started, as far as it is known."""

    ago: Sequence[float]  # seconds, ascending

    def between(self, late: float, early: float) -> int:
        """Return how many started from `early` to `late` seconds ago."""
        return bisect_right(self.ago, early) - bisect_left(self.ago, late)


def starts(inputs: CycleInputs, seen: Sequence[PastCycle]) -> Starts:
    """Return the starts that the history tells of; without it, those by which the running pilots grew."""
    if inputs.history is not None:
        return Starts(sorted(inputs.history.starts))
    ago: list[float] = []
    for newer, older in pairwise(seen):
        ago += [newer.ago] * max(0, newer.running - older.running)
    return Starts(ago)


def starts_everywhere(own: Starts, seen: Sequence[PastCycle]) -> Starts:
    """Return `own` starts and those by which the running pilots of the queues that share the demand grew."""
    grown: list[float] = []
    for newer, older in pairwise(seen):
        grown += [newer.ago] * max(0, newer.others_running - older.others_running)
    return Starts(sorted([*own.ago, *grown])) if grown else own


def running_is_told(seen: Sequence[PastCycle], started: Starts) -> bool:
    """Return whether the WMS counts running jobs.

    It does not where it never showed any although own pilots run that started long ago: without a payload
    they would have ended.
    """
    old = seen[0].running - started.between(0.0, BUSY)
    return old <= 0 or any(c.jobs_running for c in seen)


def unmatched(
    seen: Sequence[PastCycle], started: Starts, places: int, *, boot: float, hold: float, probes: int
) -> int:
    """Return how many ready jobs seem to match no pilot.

    A pilot that waits takes any job that fits it. So where pilots that must have booted stood beside ready
    jobs for some cycles, all those jobs fit none. They are believed not to for `hold` seconds; then `probes`
    of them get a pilot, which stands beside them, too, or takes one; after another `hold` all get one. Beside
    jobs that are held one pilot that stood is enough to hold them on.
    """
    held = 0
    last = -1.0
    ready = [c.ready for c in seen]
    idle = [unused(c, places) - places * started.between(c.ago, c.ago + boot) for c in seen]
    for i in range(len(seen) - STOOD, -1, -1):  # from the earliest on
        held = min(held, ready[i]) if last - seen[i].ago <= 2 * hold else 0
        enough = (1 if held else IDLE) * places
        stood = min(ready[i : i + STOOD]) if min(idle[i : i + STOOD]) >= enough else 0
        if stood:
            held, last = max(held, stood), seen[i].ago
    if last > hold:
        held -= probes
    return max(0, held) if last >= 0 else 0


def trend(seen: Sequence[PastCycle], seconds: float) -> float:
    """Return by how many jobs per second the work, ready and running, grows (negative: shrinks).

    The time span is cut into three parts, and the slowest of their slopes is what counts, or 0 if they do
    not all have the same sign. Where no job ran for a third of it although some were ready, the work piled
    up for want of pilots, which says nothing about what comes.
    """
    known = [c for c in seen if c.ago <= seconds]
    if PARTS * sum(c.ready > 0 and c.jobs_running == 0 for c in known) > len(known):
        return 0.0
    size = (len(known) - 1) // PARTS
    if size < 1:
        return 0.0
    slopes = []
    for part in range(PARTS):
        late, early = known[part * size], known[(part + 1) * size]
        grown = late.ready + late.jobs_running - early.ready - early.jobs_running
        slopes.append(grown / max(1.0, early.ago - late.ago))
    if min(slopes) > 0:
        return min(slopes)
    return max(slopes) if max(slopes) < 0 else 0.0


def saturated(seen: Sequence[PastCycle], started: Starts, seconds: float) -> int | None:
    """Return how many own pilots a site that starts less than it was sent has started in `seconds`.

    All that were pending that long ago should have started. None: they have, or it is not known yet.
    """
    before = next((c for c in seen if c.ago >= seconds), None)
    if before is None:
        return None
    begun = started.between(0.0, before.ago)
    least = min(c.pending for c in seen if c.ago <= before.ago)
    return begun if least > 0 and 2 * begun < before.pending else None
