"""How long a pilot takes to start: a bound on a quantile, from pilots that started and those that did not.

A median of those that started tells of the lucky ones only: pilots that were taken back, or left the queue
otherwise before they started, waited at least as long as they did. They count as censored (Kaplan and Meier,
1958); and from few pilots a quantile is not known well, so what is given is an upper bound of it, as Brevik,
Nurmi and Wolski do for waits in batch queues (PPoPP 2006), here in the normal approximation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

QUANTILE = 0.5
SURE = 1.28  # standard deviations: the bound holds in 9 of 10 cases


def bound(started: Sequence[float], gave_up: Iterable[float] = ()) -> float | None:
    """Return seconds within which, as good as surely, half of the pilots start; None when none has started.

    `started`: seconds that pilots took; `gave_up`: seconds after which pilots left that had not started.
    """
    if not started:
        return None
    waits = sorted([(s, 0) for s in started] + [(s, 1) for s in gave_up])
    wanted = min(1.0, QUANTILE + SURE * math.sqrt(QUANTILE * (1.0 - QUANTILE) / len(started)))
    waiting, at_risk = 1.0, len(waits)
    for seconds, left in waits:
        if not left:
            waiting *= 1.0 - 1.0 / at_risk
            if 1.0 - waiting >= wanted - 1e-9:
                return seconds
        at_risk -= 1
    return max(started)
