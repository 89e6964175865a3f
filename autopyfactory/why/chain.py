"""What the scheduler chain says about a cycle without pilots: which rule was it, and what can be done."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches

from autopyfactory.model.decision import Decision, Step
from autopyfactory.model.declaration import CAPPED
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.text import are, count, some
from autopyfactory.why.model import Cause


def limiting(decision: Decision) -> Step | None:
    """Return the rule that has the last word: the last that lowered the number; None if none did."""
    lowered = [s for s in decision.steps if s.n_out < s.n_in]
    if not lowered:
        return None
    if decision.n > 0:
        return lowered[-1]
    # the rule that took the last pilot away; later ones had nothing left to take
    return next((s for s in reversed(lowered) if s.n_in > 0), lowered[-1])


def causes(record: CycleRecord, others: Sequence[str] = (), served: Collection[str] = ()) -> list[Cause]:
    """Return why the chain gave no pilots, or fewer than it could have.

    `others` are the WMS queues with jobs, when the WMS has none for this one; `served`: those of them that
    other queues of ours serve.
    """
    if record.decision is None or not record.decision.steps:
        return []
    last = record.decision.steps[-1]
    if unknown := _unknown(record, last, others):
        return [unknown]
    step = limiting(record.decision)
    if step is not None and (record.decision.n <= 0 or record.decision.n < step.n_in):
        return [_limited(step, blocks=record.decision.n <= 0)]
    return [] if record.decision.n else [_no_demand(record, others, served)]


def _limited(step: Step, *, blocks: bool) -> Cause:
    said = step.cause or CAPPED
    words = f"{step.plugin} bit: {step.reason}"
    return Cause(said.code, words, said.next, said.who, blocks=blocks, by_rule=True)


def _unknown(record: CycleRecord, step: Step, others: Sequence[str]) -> Cause | None:
    where = f"WMS queue {record.wmsqueue}" if record.wmsqueue else "this queue (`wmsqueue` is not set)"
    # older records have nothing but the words
    if not step.final and not step.reason.endswith("information: nothing is sent"):
        return None
    if step.reason.startswith(("no wms", "no site")) and "wms" in record.ages and "wms" not in record.errors:
        return Cause(
            "unknown-to-wms",
            f"the WMS answers, but does not know {where}",
            f"check the option `wmsqueue` against the names in the WMS{_meant(record.wmsqueue, others)}",
        )
    return Cause("not-known", f"{step.plugin}: {step.reason}", "find out why this is not known")


def _no_demand(record: CycleRecord, others: Sequence[str], served: Collection[str]) -> Cause:
    inputs = record.inputs
    wms, batch = (inputs.wms, inputs.batch) if inputs else (None, None)
    name = record.wmsqueue or record.queue
    if wms is not None and wms.ready == 0:
        words, todo = f"no jobs are ready for {name}", ""
        close = _close(record.wmsqueue, others)
        if others:
            words += f", and no other job is for it: there are jobs for {some(others)}"
            todo = "nothing if there is no work for it; else correct `wmsqueue`, or the name in the jobs"
            todo += _asked(close)
        # A name like ours whose work another queue of ours does is a sibling's, most often.
        misspelt = any(other not in served for other in close)
        return Cause("nothing-ready", words, todo, "us" if misspelt else "nobody")
    if wms is not None and batch is not None and batch.pending >= wms.ready:
        return Cause(
            "enough-pending",
            f"{count(batch.pending, 'pending pilot')} {are(batch.pending)} enough "
            f"for {count(wms.ready, 'ready job')}",
            "",
            "nobody",
        )
    steps = record.decision.steps if record.decision else ()
    return Cause("no-demand", "; ".join(f"{s.plugin}: {s.reason}" for s in steps[:1]) or record.reason, "")


def _meant(name: str | None, names: Sequence[str]) -> str:
    return _asked(_close(name, names))


def _close(name: str | None, names: Sequence[str]) -> list[str]:
    return get_close_matches(name or "", names, 3)


def _asked(close: Sequence[str]) -> str:
    return f" (is it {' or '.join(close)}?)" if close else ""
