"""Ready: one pilot for every job that waits, less the pilots that are on their way."""

from __future__ import annotations

from typing import ClassVar

from autopyfactory.model.decision import CycleInputs, Need, Step
from autopyfactory.model.declaration import Declaration
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import SchedPlugin


class ReadyOptions(Options):
    """What `Ready` can be told."""

    offset: int = option(
        0,
        key="sched.ready.offset",
        unit="jobs",
        description="Ready jobs that are left to others: pilots are sent only for those beyond this number",
    )


class Ready(SchedPlugin[ReadyOptions]):
    """`max(0, (ready - offset) - pending)`; what came in is ignored, so this starts a chain.

    Pilots that started after the WMS was asked count as pending: what they took still looks ready.
    """

    name = "Ready"
    Options = ReadyOptions
    declares: ClassVar[Declaration] = Declaration("starts", subtracts=frozenset({"pending"}))
    needs: ClassVar[frozenset[Need]] = frozenset({"wms", "batch"})

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Return the ready jobs for which no pilot is pending."""
        assert inputs.wms is not None and inputs.batch is not None
        ready, pending, offset = inputs.wms.ready, inputs.batch.pending, self.options.offset
        starting = inputs.starting
        out = max(0, ready - offset - pending - starting)
        less = f" - {offset} offset" if offset else ""
        just = f" - {starting} just started" if starting else ""
        sum_ = f"{ready} ready{less} - {pending} pending{just}"
        reason = f"{sum_} = {out} wanted" if out else f"{sum_}: nothing wanted"
        facts = {"starting": starting} if starting else {}
        return self.step(n, out, reason, activated=ready, offset=offset, pending=pending, **facts)
