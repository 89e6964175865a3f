"""From what is remembered of a queue's pilots to the numbers that rules use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from statistics import median

from autopyfactory.accounting.lately import WINDOW, Lately
from autopyfactory.model.decision import EndedPilot, RecentPilots
from autopyfactory.model.ending import BAD, GOOD
from autopyfactory.model.latency import bound

KEEP_STARTS = 500  # starts per queue whose times are kept
KEEP_ENDED = 500  # endings per queue that are kept one by one


def recent_pilots(lately: Lately, now: float, *, total: int, submitted: int) -> RecentPilots:
    """Return the numbers of a queue, as of Unix time `now`.

    `total` pilots were ever sent for it, `submitted` within the window (the ledger knows).
    """
    begin = now - WINDOW
    within = [e for e in lately.endings if e.at >= begin]
    left = [e for e in within if e.outcome != "taken back"]  # those had no chance to run
    waited = [e.waited for e in within if e.outcome == "taken back"]
    ran = [e for e in left if e.wall > 0 or e.outcome in GOOD]
    starts = [(at, latency) for at, latency in lately.starts if at >= begin]
    ended = sorted(ran, key=lambda e: -e.at)[:KEEP_ENDED]
    return RecentPilots(
        window=WINDOW,
        submitted_total=total,
        submitted=submitted,
        started=len(starts),
        finished=len(left),
        short=sum(e.short for e in left),
        empty=sum(e.outcome == "empty" for e in left),
        failed=sum(e.outcome not in GOOD for e in left),
        failures=dict(Counter(e.failure for e in left if e.failure)),
        wasted_hours=sum(e.wall for e in left if e.outcome in BAD or e.outcome == "empty") / 3600,
        start_latency=bound([latency for _, latency in starts], waited),
        lifetime=_median(e.wall for e in ran),
        ended=tuple(EndedPilot(now - e.at + e.wall, e.wall) for e in ended),
        starts=tuple(sorted(max(0.0, now - at) for at, _ in starts)[:KEEP_STARTS]),
    )


def _median(values: Iterable[float]) -> float | None:
    known = list(values)
    return median(known) if known else None
