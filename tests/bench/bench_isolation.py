"""What a schedd that hangs does to the queues of another one: their cycles with it and without it.

    bin/as-user .venv/bin/python tests/bench/bench_isolation.py [--quick]

One factory, two schedds, and every queue sends a pilot in each cycle. The left schedd is stopped (SIGSTOP)
and continued in turns, so that whatever drifts on this machine meets both kinds of time. Then: how the right
schedd's queues fared in both, what the left one's said while they waited, and how soon they went on.
"""

import os
import signal
import statistics
import time
from dataclasses import dataclass, field

import common
from common import Box, Pool

from autopyfactory.factory.factory import Factory
from autopyfactory.model.record import CycleRecord, Event
from factorybox import InProcess
from testbed.waiting import until

GOAL = 1.05
RECOVERY = 1.0  # seconds
FULL = {"queues": 10, "turns": 6, "seconds": 25.0}
QUICK = {"queues": 2, "turns": 1, "seconds": 8.0}
NEVER_FULL = "100000"


@dataclass
class Times:
    """Seconds that cycles took, and from one to the next of the same queue."""

    took: list[float] = field(default_factory=list)
    apart: list[float] = field(default_factory=list)

    def add(self, records: list[CycleRecord]) -> None:
        last: dict[str, CycleRecord] = {}
        for record in records:
            if record.queue in last:
                self.took.append(record.duration)
                self.apart.append((record.started - last[record.queue].started).total_seconds())
            last[record.queue] = record


class Experiment:
    """Stops and continues the left schedd, and keeps what all queues report."""

    def __init__(self, factory: Factory, left: Pool, seconds: float):
        self.factory, self.left, self.seconds = factory, left, seconds
        self.with_left, self.without = Times(), Times()
        self.recovered: list[float] = []
        self.reasons: dict[str, int] = {}
        self.silent = 0
        self._heard: list[CycleRecord] = []
        factory.reporting.listeners.append(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, CycleRecord):
            self._heard.append(event)

    def _side(self, side: str, begun: int) -> list[CycleRecord]:
        return [r for r in self._heard[begun:] if r.queue.startswith(side)]

    def turn(self) -> None:
        """One stretch of time with the left schedd, one without."""
        begun = len(self._heard)
        time.sleep(self.seconds)
        self.with_left.add(self._side("right", begun))
        schedd = self.left.pid_of("SCHEDD")
        os.kill(schedd, signal.SIGSTOP)
        try:
            begun = len(self._heard)
            time.sleep(self.seconds)
            self.without.add(self._side("right", begun))
            self._listen(begun)
        finally:
            os.kill(schedd, signal.SIGCONT)
        self._await_recovery()

    def _listen(self, begun: int) -> None:
        """Note what each queue of the left schedd said last."""
        last = {r.queue: r for r in self._side("left", begun)}
        for record in last.values():
            words = "held back" if record.outcome == "held back" else record.outcome
            self.reasons[words] = self.reasons.get(words, 0) + 1
        self.silent += sum(q.startswith("left") for q in self.factory.queues) - len(last)
        waiting = [r for r in last.values() if r.outcome == "held back"] or list(last.values())
        for example in waiting[: not self.recovered]:
            common.say(f"a queue that waits says: {example.outcome}: {example.reason}")

    def _await_recovery(self) -> None:
        continued, begun = time.perf_counter(), len(self._heard)

        def all_sent() -> bool:
            sent = {r.queue for r in self._side("left", begun) if r.outcome == "sent"}
            return len(sent) == sum(q.startswith("left") for q in self.factory.queues)

        def one_sent() -> bool:
            return any(r.outcome == "sent" for r in self._side("left", begun))

        until(one_sent, 60, "a queue of the left schedd that sends again")
        self.recovered.append(time.perf_counter() - continued)
        until(all_sent, 60, "each queue of the left schedd to send again")
        self.all_recovered = time.perf_counter() - continued


def main() -> None:
    size = QUICK if common.arguments(__doc__).quick else FULL
    with common.access_point("right", "left") as (folder, [right, left]):
        box = Box(folder / "f", right, "bench")
        for name, pool in (("right", right), ("left", left)):
            for i in range(int(size["queues"])):
                box.queue(
                    f"{name}{i}",
                    ap=pool,
                    **common.PILOTS,
                    apfqueue__sleep="1",
                    sched__maxpercycle__maximum="1",
                    sched__maxtorun__maximum=NEVER_FULL,
                )
        box.work(dict.fromkeys(box.queues, int(NEVER_FULL)))
        with InProcess(box) as factory:
            until(lambda: all(q.last for q in factory.queues.values()), 60, "each queue's first cycle")
            experiment = Experiment(factory, left, size["seconds"])
            for _ in range(int(size["turns"])):
                experiment.turn()
    report(experiment)


def report(e: Experiment) -> None:
    rows = []
    for label, name in (("cycle", "took"), ("from one cycle to the next", "apart")):
        with_, without = getattr(e.with_left, name), getattr(e.without, name)
        for what, at in (("median", 0.5), ("95 %", 0.95)):
            a, b = quantile(with_, at), quantile(without, at)
            rows.append(
                [f"{label}, {what}", f"{len(without)}", f"{a * 1e3:.1f}", f"{b * 1e3:.1f}", f"{b / a:.2f}",
                 common.verdict(b / a, GOAL)]
            )  # fmt: skip
    columns = ["right schedd's queues", "cycles", "left one up, ms", "stopped, ms", "ratio", f"goal {GOAL}"]
    common.show("A schedd beside one that hangs", columns, rows)
    said = ", ".join(f"{n} {outcome}" for outcome, n in sorted(e.reasons.items()))
    common.say(f"when it was continued, the left one's queues had last said: {said}; nothing: {e.silent}")
    worst = max(e.recovered)
    common.say(
        f"first pilots sent after SIGCONT: median {statistics.median(e.recovered):.2f} s, "
        f"worst {worst:.2f} s (goal {RECOVERY:g} s: {common.verdict(worst, RECOVERY)})"
    )


def quantile(values: list[float], at: float) -> float:
    return sorted(values)[min(len(values) - 1, int(at * len(values)))]


if __name__ == "__main__":
    main()
