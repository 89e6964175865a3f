"""One row per queue: what the last cycle saw and did, and what is in force. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from autopyfactory.model.decision import Decision
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.record import CycleRecord, Troubles
from autopyfactory.model.serialize import from_plain, to_full
from autopyfactory.notify.trends import Trend
from autopyfactory.pauses import Pause
from autopyfactory.why import explain
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.chain import limiting
from autopyfactory.why.model import Cause, LiveState, Story
from autopyfactory.why.problems import problems

MOST_STORIES = 20000  # queues whose last story is kept

State = Literal["running", "paused", "draining", "starting", "stopped", "disabled", "broken", "unknown"]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue. Counts are None when they are not known; times are ISO 8601 in `as_dict`."""

    queue: str
    state: State
    wmsqueue: str | None = None
    ce: str = ""
    ready: int | None = None
    pending: int | None = None  # the next four are parts of it, and `missing`
    unsubmitted: int | None = None
    waiting: int | None = None
    held: int | None = None
    unseen: int | None = None
    running: int | None = None
    error: int | None = None
    missing: int | None = None  # of the pending ones: in the book, and not shown
    foreign: int | None = None  # shown with the factory's name, and not in the book
    sent: int | None = None  # pilots ever sent
    ends: Mapping[str, int] = field(default_factory=dict)  # pilots ever ended: well, empty, short, ...
    submitted: int = 0  # in the last cycle
    outcome: str = ""  # of the last cycle
    reason: str = ""
    asked: int | None = None  # pilots, in the last cycle, before anything limited their number
    limit: str = ""  # the rule of the chain that limited it last; empty: none did
    wanted: int | None = None  # what the chain left of it
    granted: int | None = None  # what the caps left of that
    caps: tuple[str, ...] = ()  # those that bit, in words
    cause: str = ""  # code of what stands in the way first, see `why`; empty: nothing
    who: str = ""  # who has to act on it
    sentence: str = ""  # the headline of `why`
    at: datetime | None = None  # when it started
    ages: Mapping[str, float] = field(default_factory=dict)  # s, of what it knew: wms, batch
    errors: Mapping[str, str] = field(default_factory=dict)  # of the sources
    pause: str | None = None
    ended: int | None = None  # these five of the last hour; None: none failed, was empty or short
    failed: int | None = None
    empty: int | None = None
    short: int | None = None  # ended well within a minute
    wasted_hours: float | None = None
    trouble: str | None = None  # what holds pilots up that were sent, as far as the schedd was asked
    problems: tuple[Cause, ...] = ()  # everything that is wrong, as `why` tells it, the worst first
    acknowledged: Mapping[str, str] = field(default_factory=dict)  # of these: words by code
    trend: Trend = field(default_factory=Trend)
    oldest_pending: datetime | None = None  # these three only when a schedd was asked (longest)
    oldest_running: datetime | None = None
    full: bool | None = None  # pilots wait and none has started for a while

    @property
    def problem(self) -> str | None:
        """Return the worst of what is wrong, in words; what nobody has taken on comes first."""
        first = next(iter((*self.news, *self.problems)), None)
        if first is None:
            return None
        taken = self.acknowledged.get(first.code)
        return f"{first.words} ({taken})" if taken else first.words

    @property
    def news(self) -> tuple[Cause, ...]:
        """Return what is wrong and not acknowledged."""
        return tuple(c for c in self.problems if c.code not in self.acknowledged)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data with every field."""
        full: dict[str, Any] = to_full(self)
        return full


def queue_row(
    queue: str,
    record: CycleRecord | None,
    *,
    state: State = "running",
    pause: Pause | None = None,
    trend: Trend | None = None,
    wmsqueue: str | None = None,
    ce: str = "",
    sent: int | None = None,
    ends: Mapping[str, int] | None = None,
    acknowledged: Mapping[str, str] | None = None,
    problem: str = "",
    live: LiveState | None = None,
) -> QueueRow:
    """Return the row of `queue` after the cycle in `record`; `problem` says why there is none.

    `live` is what is known now; what it does not know of stuck pilots, the record says.

    Pilots that the cycle sent itself are pending, though its counts are from before: who has just seen
    ten pilots go reads ten, and not none.
    """
    troubles = (live.troubles if live else None) or (record.troubles if record else None)
    if state == "running" and pause is not None:
        state = "draining" if pause.drains else "paused"
    fared = troubles.fared if troubles else None
    inputs = record.inputs if record else None
    batch: BatchQueueInfo | None = inputs.batch if inputs else None
    cause, who, sentence = _told(queue, record, state, pause, troubles, problem)
    if batch is not None and record is not None and record.submitted:
        batch = batch.with_unseen(record.submitted)
    return QueueRow(
        queue=queue,
        state=state if record or state != "running" else "starting",
        wmsqueue=wmsqueue or (record.wmsqueue if record else None),
        ce=ce,
        ready=inputs.wms.ready if inputs and inputs.wms else None,
        sent=sent,
        ends=ends or {},
        acknowledged=acknowledged or {},
        submitted=record.submitted if record else 0,
        outcome=record.outcome if record else "",
        reason=problem or (record.reason if record else "no cycle yet"),
        asked=_asked(record.decision) if record and record.decision else None,
        limit=_limit(record.decision) if record and record.decision else "",
        wanted=record.wanted if record else None,
        granted=record.granted if record else None,
        caps=record.caps if record else (),
        cause=cause,
        who=who,
        sentence=sentence,
        at=record.started if record else None,
        ages=dict(record.ages) if record else {},
        errors=dict(record.errors) if record else {},
        pause=pause.words if pause else None,
        ended=fared.ended if fared else None,
        failed=fared.failed if fared else None,
        empty=fared.empty if fared else None,
        short=fared.short if fared else None,
        wasted_hours=fared.wasted_hours if fared else None,
        trouble="; ".join(c.words for c in of_troubles(troubles)) or None if troubles else None,
        problems=problems(record, live),
        trend=trend or Trend(),
        pending=batch.pending if batch else None,
        unsubmitted=batch.unsubmitted if batch else None,
        waiting=batch.waiting if batch else None,
        held=batch.held if batch else None,
        unseen=batch.unseen if batch else None,
        running=batch.running if batch else None,
        error=batch.error if batch else None,
        missing=batch.missing if batch else None,
        foreign=batch.foreign if batch else None,
    )


def _asked(decision: Decision) -> int:
    """Return the largest number that the chain came to: what there was a wish for."""
    return max((s.n_out for s in decision.steps), default=0)


def _limit(decision: Decision) -> str:
    """Return the rule that has the last word when the number is smaller than what was asked for."""
    step = limiting(decision)
    return step.plugin if step is not None and decision.n < _asked(decision) else ""


def _told(
    queue: str,
    record: CycleRecord | None,
    state: State,
    pause: Pause | None,
    troubles: Troubles | None,
    problem: str,
) -> tuple[str, str, str]:
    """Return what `why` would say in one line: the code of the first cause, who has to act, the headline."""
    if pause is not None:
        return state, "us", pause.words
    if record is None or problem:
        return ("no-cycle-yet" if state == "running" else state), "us", problem or "no cycle yet"
    story = _story(queue, record, troubles)
    first = next((c for c in story.causes if c.blocks), None)
    return (first.code, first.who, story.headline) if first else ("", "", story.headline)


_stories: dict[str, tuple[CycleRecord, Troubles | None, Story]] = {}  # a cycle's story stays the same


def _story(queue: str, record: CycleRecord, troubles: Troubles | None) -> Story:
    known = _stories.get(queue)
    if known is not None and known[0] is record and known[1] is troubles:
        return known[2]
    if len(_stories) > MOST_STORIES:
        _stories.clear()
    story = explain([replace(record, troubles=troubles)], None, queue=queue, now=record.started)
    _stories[queue] = record, troubles, replace(story, steps=(), known=(), runs=())
    return _stories[queue][2]


Sorter = Callable[[QueueRow], Any]

SORTS: dict[str, Sorter] = {
    "queue": lambda r: r.queue,
    **{
        name: (lambda r, name=name: (-(getattr(r, name) or 0), r.queue))  # type: ignore[misc]
        for name in ("ready", "pending", "running", "held", "missing", "foreign", "sent", "submitted")
    },
    "age": lambda r: (r.at.timestamp() if r.at else 0.0, r.queue),
    "state": lambda r: (r.state, r.outcome, r.queue),
}
"""How rows can be sorted: names and states upwards, numbers downwards, the longest silent first."""


def chosen(rows: Iterable[QueueRow], words: Iterable[str]) -> list[QueueRow]:
    """Return the rows that all of `words` fit.

    A word is `state=paused`, `outcome=failed`, `ce=TEXT`, `held>0`, `pending<10`, ... or text that the name
    of the queue or of its WMS queue contains. Raises ValueError for a column that does not exist.
    """
    tests = [_test(word) for word in words]
    return [row for row in rows if all(test(row) for test in tests)]


def _test(word: str) -> Callable[[QueueRow], bool]:
    for sign in ("!=", ">", "<", "="):
        name, found, value = word.partition(sign)
        if found:
            return _compare(name.strip(), sign, value.strip())
    text = word.lower()
    return lambda r: text in r.queue.lower() or text in (r.wmsqueue or "").lower()


def _compare(name: str, sign: str, value: str) -> Callable[[QueueRow], bool]:
    if name not in QueueRow.__dataclass_fields__:
        raise ValueError(f"there is no column {name!r}; columns: {', '.join(QueueRow.__dataclass_fields__)}")
    if sign in "<>":
        if not value.lstrip("-").isdigit():
            raise ValueError(f"{name}{sign}{value}: {value!r} is not a whole number")
        limit = int(value)

        def number(row: QueueRow) -> bool:
            have = getattr(row, name)
            return isinstance(have, int) and (have > limit if sign == ">" else have < limit)

        return number
    equal = sign == "="
    text = value.lower()
    if name in ("ce", "reason", "pause", "trouble"):
        return lambda r: (text in str(getattr(r, name) or "").lower()) == equal
    return lambda r: (str(getattr(r, name)).lower() == text) == equal


def row_from_dict(data: Mapping[str, Any]) -> QueueRow:
    """Return the row that `as_dict` gave. Raises ValueError."""
    return from_plain(QueueRow, data)
