"""KeepNRunning: as many pilots as wanted in all, not as many more."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.model.once import once
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin


class KeepNRunningOptions(Options):
    """What `KeepNRunning` can be told."""

    keep: int | None = option(
        None,
        key="sched.keepnrunning.keep_running",
        unit="pilots",
        description="Pilots to keep, pending and running; unset: the number so far is taken as this target",
    )


class KeepNRunning(SchedPlugin[KeepNRunningOptions]):
    """`target - (pending + running)`, retiring nodes not counted; negative: retire the surplus."""

    name = "KeepNRunning"
    Options = KeepNRunningOptions
    declares: ClassVar[Declaration] = Declaration(
        "targets", subtracts=frozenset({"pending", "running"}), retires=True
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"batch"})

    @once
    def declaration(self) -> Declaration:
        """With a target of its own it ignores the number so far."""
        return self.declares if self.options.keep is None else replace(self.declares, part="starts")

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return how many pilots are missing from the target, or too many."""
        assert inputs.batch is not None
        keep, batch = self.options.keep, inputs.batch
        target = n if keep is None else keep
        running = max(0, batch.running - batch.retiring)  # a retiring node takes no more work
        out = target - running - batch.pending
        verb = f"{out} missing" if out > 0 else f"{-out} too many" if out < 0 else "that is the target"
        return self.step(
            n,
            out,
            f"{target} to keep, {batch.pending} pending and {running} running: {verb}",
            keep="None" if keep is None else keep,
            running=running,
            pending=batch.pending,
            retiring=batch.retiring,
        )
