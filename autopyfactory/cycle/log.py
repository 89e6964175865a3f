"""What one cycle writes into its queue's log: a few lines that an operator can follow."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from autopyfactory.cycle.gate import Reading
from autopyfactory.logs.lines import Lines
from autopyfactory.model.decision import CycleInputs, Decision
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord

_NUMBER = re.compile(r"\d+")


class CycleLog:
    """The log of one queue; what it complains of in cycle after cycle it says once.

    What a cycle knew and decided is written when it begins to act, or ends.
    """

    def __init__(self, log: logging.Logger):
        self._log = log
        self._lines: list[str] = []  # of this cycle, not written yet
        self._complaint = ""  # of the last cycle that failed, without what changes each time

    def inputs(self, number: int, inputs: CycleInputs, readings: Sequence[Reading]) -> None:
        """Tell what cycle `number` knows and how old that is."""
        self._lines = [f"cycle {number}: {'; '.join(_known(inputs, readings))}"]

    def steps(self, decision: Decision) -> None:
        """Tell each rule's number before and after, and its reason."""
        self._lines += [f"  {s.plugin}: {s.n_in} -> {s.n_out}: {s.reason}" for s in decision.steps]

    def acts(self) -> None:
        """Write what was told so far: what comes now may take a while."""
        if self._lines:
            self._log.info(Lines(self._lines))
            self._lines = []

    def details(self, reason: str, cause: BaseException | None) -> None:
        """Write where a plugin failed, when it has not failed like that in the last cycle."""
        if cause is not None and _same_words(reason) != self._complaint:
            self.acts()
            self._log.error("%s", reason, exc_info=cause)

    def defect(self, err: Exception) -> None:
        """Write where a cycle failed by an error of our own; called while it is handled."""
        self.acts()
        self._log.exception("this cycle failed: %s", err)

    def end(self, record: CycleRecord, cause: BaseException | None = None) -> None:
        """Write how the cycle ended, and where a plugin failed; what is no news is no warning."""
        self.details(record.reason, cause)
        complaint = _same_words(record.reason) if record.outcome == "failed" else ""
        news = complaint != self._complaint or not complaint
        said = f"{record.outcome}: {record.reason}"
        if record.outcome == "failed" and news:
            self.acts()
            self._log.warning("%s", said)
        else:
            self._lines.append(said)
            self.acts()
        if record.outcome not in ("paused", "held back"):
            self._complaint = complaint


def _same_words(reason: str) -> str:
    """Return `reason` without what changes each time."""
    return _NUMBER.sub("", reason)


def _known(inputs: CycleInputs, readings: Sequence[Reading]) -> list[str]:
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
    return parts


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
