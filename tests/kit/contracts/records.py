"""Made-up cycles, as a queue of a real factory has them."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from autopyfactory.model.decision import CycleInputs, Decision, Step
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.model.record import CycleRecord, Sent

T0 = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
CE = "gridgk01.racf.example.org:9619"


def cycle(
    queue: str = "BNL_MCORE-gk01",
    number: int = 1,
    at: datetime = T0,
    *,
    ready: int = 37,
    pending: int = 12,
    running: int = 100,
    held: int = 0,
    cap: int = 10,
    cloud: str = "US",
    tag: str = "3f2a",
    ce: str = CE,
    **changes: Any,
) -> CycleRecord:
    """One cycle of a queue with `Ready,MaxPerCycle,MaxPending,StatusOffline`."""
    wanted = max(0, ready - pending)
    limited = min(wanted, 50)
    n = max(0, min(limited, cap - pending))
    steps = (
        Step(
            "Ready", 0, wanted, f"{ready} ready, {pending} pending", {"activated": ready, "pending": pending}
        ),
        Step("MaxPerCycle", wanted, limited, "at most 50 in a cycle", {"max": 50}),
        Step("MaxPending", limited, n, f"{pending} pending, at most {cap}", {"pending": pending, "max": cap}),
        Step("StatusOffline", n, n, "the site is online", {}),
    )
    batch = BatchQueueInfo(pending=pending, running=running, waiting=pending - held, held=held)
    inputs = CycleInputs(
        queue,
        WMSQueueInfo(ready=ready, running=running),
        batch,
        SiteInfo("online", cloud),
        factory_active=20000 + number % 977,
        now=at,
        scope_active={f"ce:{ce}": pending + running},
    )
    given: dict[str, Any] = {
        "outcome": "sent" if n else "nothing",
        "reason": f"{n} pilots: MaxPending ({cap}) bit" if n < limited else f"{n} pilots",
        "duration": 0.041,
        "inputs": inputs,
        "ages": {"wms": 12.4, "batch": 3.25},
        "decision": Decision(n, steps),
        "wanted": n,
        "granted": n,
        "sent": (Sent(tag, "ap@127.0.0.1:9618", ce, n, str(1000000 + number)),) if n else (),
        "wmsqueue": queue.split("-")[0],
    }
    return CycleRecord(queue, number, at, **{**given, **changes})


def series(queue: str, start: datetime, n: int, *, every: float = 60, seed: int = 1) -> Iterator[CycleRecord]:
    """`n` cycles of one queue whose every number moves: nothing repeats, the dearest there can be."""
    chance = random.Random(f"{queue}{seed}")
    for i in range(n):
        yield cycle(
            queue,
            i + 1,
            start + timedelta(seconds=every * i, milliseconds=chance.randrange(1000)),
            ready=chance.randrange(800),
            pending=chance.randrange(60),
            running=chance.randrange(400),
            cap=chance.choice((40, 60)),
            tag=f"{chance.randrange(2**64):016x}",
            duration=round(chance.random() / 5, 3),
            ages={"wms": round(chance.random() * 60, 1), "batch": round(chance.random() * 60, 1)},
        )
