"""Puts the story together: what was done, what stands in the way, what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from autopyfactory.model.record import CycleRecord, Fared
from autopyfactory.model.text import count, span
from autopyfactory.why import causes as find
from autopyfactory.why import chain
from autopyfactory.why.model import Cause, LiveState, Run, Story

# What comes first explains what follows: a queue whose pilots are held soon meets a cap as well.
ORDER = (
    "not-configured", "broken-configuration", "disabled", "factory-down", "factory-silent", "plugin-hangs",
    "no-cycles", "no-cycle-yet", "internal-error", "plugin-fails", "paused", "draining",
    "disk-full", "not-writable", "clock-wrong", "credential", "credential-missing", "credential-expired",
    "files-missing", "credential-refused",
    "ce-unknown", "ce-refuses", "ce-down", "ce-not-found",
    "schedd-down", "wms-credential", "wms-untrusted", "wms-down", "another-schedd", "second-factory",
    "pilots-unknown", "unresolved-submission", "held-back", "submission-failed",
    "schedd-full", "schedd-refuses", "unknown-to-wms", "breaker-open", "offline", "downtime",
)  # fmt: skip
LATER = ("share", "ramping", "enough-pending", "nothing-ready", "no-demand")


def explain(
    records: Sequence[CycleRecord],
    live: LiveState | None = None,
    *,
    queue: str | None = None,
    now: datetime | None = None,
) -> Story:
    """Tell why `queue` did what it did in the last of `records` (its cycles, oldest first; may be empty).

    `live` is what is known now; None tells the past only, from the records.
    """
    last = records[-1] if records else None
    now = live.now if live else now or datetime.now(UTC)
    found = ordered(causes(last, live))
    sent = last.submitted if last else 0
    return Story(
        queue=last.queue if last else queue or "",
        at=last.started if last else None,
        asked_at=now,
        from_factory=live is not None and live.running,
        submitted=sent,
        headline=_headline(last, found, live),
        causes=tuple(found),
        next=_next(found, sent),
        steps=_steps(last),
        known=_known(last, live),
        runs=tuple(reversed(_runs(records))),
    )


def causes(record: CycleRecord | None, live: LiveState | None) -> list[Cause]:
    """Return everything that stands in the way after the cycle in `record`, in no order."""
    found = [
        *find.of_factory(record, live),
        *find.of_orders(record, live),
        *find.of_credentials(record, live),
    ]
    if record is not None:
        found += [*find.of_information(record), *find.of_submission(record)]
        if record.outcome in ("nothing", "sent", "retired"):
            found += chain.causes(record, live.others, live.served) if live else chain.causes(record)
    return found + list(find.of_pilots(record, live))


def rank(cause: Cause) -> tuple[int, bool]:
    """Return where a cause stands among others: what explains the others is the least."""
    if cause.code in ORDER:
        return ORDER.index(cause.code), not cause.blocks
    if cause.code in LATER:
        return 300, not cause.blocks
    return (200 if cause.by_rule else 100), not cause.blocks


def ordered(found: Iterable[Cause]) -> list[Cause]:
    """Return causes, each once, the deepest first."""
    unique = {(c.code, c.words, c.example): c for c in found}
    return sorted(unique.values(), key=rank)


def _next(found: Sequence[Cause], sent: int) -> tuple[str, ...]:
    """Return what to do. A cap that bites because pilots are stuck is not the thing to change."""
    deeper = any(c.blocks and not _is_limit(c) and c.code not in LATER for c in found)
    steps = [c.next for c in found if c.blocks or not sent if not (deeper and _is_limit(c))]
    return tuple(dict.fromkeys(text for text in steps if text))


def _is_limit(cause: Cause) -> bool:
    return cause.by_rule and cause.code not in (*ORDER, *LATER)


def _headline(record: CycleRecord | None, found: Sequence[Cause], live: LiveState | None) -> str:
    if record is None:
        return found[0].words if found else "nothing is known about this queue"
    if record.outcome == "retired":
        what = f"{count(record.retired, 'pilot')} taken back"
    elif record.submitted:
        what = f"{count(record.submitted, 'pilot')} sent"
    else:
        what = "0 pilots"
    because = [c.words for c in found if c.blocks]
    parts = [_counts(record), *because[:3]]
    return f"{what}: " + "; ".join(p for p in parts if p)


def _counts(record: CycleRecord) -> str:
    inputs = record.inputs
    if inputs is None:
        return ""
    parts = [f"{count(inputs.wms.ready, 'job')} ready"] if inputs.wms is not None else []
    if (b := inputs.batch) is not None:
        split = [(b.held, "held"), (b.unsubmitted, "not yet at the CE"), (b.unseen, "just sent")]
        inside = ", ".join(f"{n} {words}" for n, words in split if n)
        parts.append(f"{count(b.pending, 'pilot')} pending" + (f" ({inside})" if inside else ""))
        parts.append(f"{b.running} running")
    return ", ".join(parts)


def _steps(record: CycleRecord | None) -> tuple[str, ...]:
    if record is None or record.decision is None:
        return ()
    return tuple(f"{s.plugin}: {s.n_in} -> {s.n_out}: {s.reason}" for s in record.decision.steps)


def _known(record: CycleRecord | None, live: LiveState | None) -> tuple[str, ...]:
    if record is None or record.inputs is None:
        return ()
    lines = []
    names = {"wms": "WMS status", "batch": "batch status"}
    for kind in ("wms", "batch"):
        age, error = record.ages.get(kind), record.errors.get(kind)
        if age is None and error is None:
            continue
        text = f"{names[kind]}: {span(age)} old" if age is not None else f"{names[kind]}: none"
        lines.append(f"{text}; {error}" if error else text)
    if (site := record.inputs.site) is not None and site.status:
        lines.append(f"site status: {site.status}")
    if record.profile is not None:
        lines.append(f"credential profile: {record.profile}")
    troubles = (live.troubles if live else None) or record.troubles
    if troubles is not None and troubles.fared is not None:
        lines.append(_fared(troubles.fared))
    return tuple(lines)


def _fared(f: Fared) -> str:
    """Return how pilots fared that ended in the last hour."""
    text = f"{count(f.ended, 'pilot')} ended in the last hour: {f.failed} failed, {f.empty} found no work"
    for what, numbers in (("", f.failures), ("by check: ", f.checks), ("on ", f.hosts)):
        if numbers:
            text += f"; {what}" + ", ".join(f"{name} {n}" for name, n in numbers.items())
    return f"{text}; {f.wasted_hours:.1f} hours of slots wasted" if f.wasted_hours >= 0.05 else text


def _runs(records: Sequence[CycleRecord]) -> list[Run]:
    """Return cycles in a row that ended alike, oldest first."""

    def main(record: CycleRecord) -> Cause | None:
        return next((c for c in ordered(causes(record, None)) if c.blocks), None)

    def alike(record: CycleRecord) -> tuple[str, str]:
        cause = main(record)
        return record.outcome, cause.code if cause else ""

    found = []
    for _, group in groupby(records, alike):
        run = list(group)
        last, submitted = run[-1], sum(r.submitted for r in run)
        cause = main(last)
        reason = cause.words if cause else last.reason
        words = f"{last.outcome}: {reason}"
        if last.outcome == "sent":
            words = f"{count(submitted, 'pilot')} sent" + (f"; {reason}" if cause else "")
        found.append(Run(run[0].started, last.started, len(run), submitted, words))
    return found
