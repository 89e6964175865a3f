"""What deciding costs: 1,000 queues, each with a chain of seven rules, without any I/O.

Run it: python tests/bench/bench_decide.py. It prints CPU times and their ratio to folding rules that do
nothing, and asserts nothing: machines differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random

from rich.console import Console
from rich.table import Table

from autopyfactory.model.decision import CycleInputs, PastCycle, RecentPilots, Rule, Step, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.simulate.chain import from_texts

QUEUES = 1000
REPEATS = 20
TARGET = 0.050  # CPU seconds for all queues once
CHAINS = {
    "the usual seven": "Ready,Scale,MinPerCycle,MaxPerCycle,StatusTest,StatusOffline,MaxPending",
    "seven with wide caps": "Ready,Share,Ramp,MaxCores,MaxPerCE,MaxPerFactory,MaxToRun",
    "seven with Adaptive": "Adaptive,MaxPerCycle,StatusTest,StatusOffline,Downtime,MaxToRun,MaxPending",
}
TEXTS = {
    "sched.scale.factor": "0.25",
    "sched.maxpercycle.maximum": "50",
    "sched.minpercycle.minimum": "0",
    "sched.maxpending.maximum": "100",
    "sched.maxtorun.maximum": "5000",
    "sched.maxcores.maximum": "8000",
    "sched.maxperce.maximum": "5000",
    "maxperfactory.maximum": "100000",
    "sched.downtime.windows": "2026-12-24/2026-12-26",
}


class Nothing:
    """A rule that passes the number on: what the fold itself costs."""

    name = "Nothing"
    needs = frozenset()

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return `n`."""
        return Step(self.name, n, n, "")


def inputs(rng: Random) -> CycleInputs:
    """Make the inputs of one queue, an hour of earlier cycles included."""
    past = tuple(PastCycle(60.0 * i, rng.randint(0, 200), 300, 40, 320) for i in range(1, 61))
    return CycleInputs(
        "Q",
        wms=WMSQueueInfo(ready=rng.randint(0, 200), running=300),
        batch=BatchQueueInfo(pending=rng.randint(0, 80), running=320),
        site=SiteInfo(status="online"),
        history=RecentPilots(submitted_total=900, started=60, finished=50, start_latency=240, lifetime=7200),
        factory_active=50000,
        scope_active={"ce": 900},
        past=past,
    )


def best(work: Callable[[], None]) -> float:
    """Return the least CPU seconds of several repeats."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def measure(chains: Sequence[Sequence[Rule]], known: Sequence[CycleInputs]) -> float:
    """Return the CPU seconds for one decision of each queue."""
    pairs = list(zip(chains, known, strict=True))

    def all_queues() -> None:
        for chain, i in pairs:
            decide(chain, i)

    return best(all_queues)


def main() -> None:
    """Print the table."""
    rng = Random(1)
    known = [inputs(rng) for _ in range(QUEUES)]
    empty = measure([[Nothing()] * 7 for _ in known], known)
    table = Table(title=f"One decision of each of {QUEUES} queues, seven rules each, no I/O")
    for column in (
        "chain",
        "CPU ms",
        "us per queue",
        "ratio to an empty fold",
        f"target {TARGET * 1e3:.0f} ms",
    ):
        table.add_column(column, justify="left" if column == "chain" else "right")
    table.add_row(
        "seven rules that do nothing", f"{empty * 1e3:.1f}", f"{empty * 1e6 / QUEUES:.1f}", "1.0", ""
    )
    for label, names in CHAINS.items():
        chains = [from_texts({"schedplugin": names, **TEXTS}).chain for _ in known]
        cpu = measure(chains, known)
        verdict = "met" if cpu < TARGET else "missed"
        table.add_row(label, f"{cpu * 1e3:.1f}", f"{cpu * 1e6 / QUEUES:.1f}", f"{cpu / empty:.1f}", verdict)
    Console().print(table)


if __name__ == "__main__":
    main()
