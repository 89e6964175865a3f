"""What one cycle writes into its queue's log: a few lines that an operator can follow."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from autopyfactory.cycle.gate import Reading
from autopyfactory.model.decision import CycleInputs, Decision
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord

_NUMBER = re.compile(r"\d+")


def log_inputs(log: logging.Logger, number: int, inputs: CycleInputs, readings: Sequence[Reading]) -> None:
    """Write what cycle `number` knows and how old that is."""
    ages = {r.key: f"{r.age:.0f} s old" if r.age is not None else "none yet" for r in readings}
    parts = []
    if inputs.wms is not None:
        parts.append(f"work: {inputs.wms.ready} ready, {inputs.wms.running} running")
    parts.append(f"WMS status {ages.get('wms', 'not asked')}")
    if inputs.site is not None and inputs.site.status:
        parts.append(f"site {inputs.site.status}")
    if inputs.batch is not None:
        parts.append(_pilots(inputs.batch))
    parts.append(f"batch status {ages.get('batch', 'not asked')}")
    log.info("cycle %d: %s", number, "; ".join(parts))


def _pilots(batch: BatchQueueInfo) -> str:
    counts = {
        "not yet at the CE": batch.unsubmitted,
        "waiting there": batch.waiting,
        "held": batch.held,
        "being removed": batch.leaving,
        "just sent": batch.unseen,
        "missing": batch.missing,
    }
    extra = f", {batch.foreign} of them not in the book" if batch.foreign else ""
    split = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    return f"pilots: {batch.pending} pending{split and f' ({split})'}, {batch.running} running{extra}"


def log_steps(log: logging.Logger, decision: Decision) -> None:
    """Write each rule's number before and after, and its reason."""
    for step in decision.steps:
        log.info("  %s: %d -> %d: %s", step.plugin, step.n_in, step.n_out, step.reason)


def same_words(reason: str) -> str:
    """Return `reason` without what changes each time."""
    return _NUMBER.sub("", reason)


def log_end(log: logging.Logger, record: CycleRecord, *, news: bool = True) -> None:
    """Write how the cycle ended; a complaint that is no news is no warning."""
    level = logging.WARNING if record.outcome == "failed" and news else logging.INFO
    log.log(level, "%s: %s", record.outcome, record.reason)
