"""When to mail what: one mail for a new trouble, one digest for what goes on; no I/O, no clock of its own.

Trouble is known by its cause, not by its words: a text that holds the time or a number is still the same
trouble. The first notice of a cause is mailed after a short while, together with whatever else turned up in
it; further ones are counted, and told together after the repeat time.

What is mailed of a queue has the codes of `why`, under which it can be acknowledged; it is quiet while all of
it is, in all queues that it is about. What is of no queue can only be mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from autopyfactory.model.record import CycleRecord, Event
from autopyfactory.why.causes import of_submission

GATHER = 10.0  # seconds that a new trouble waits for others, so that one failure is one mail
MAX_CAUSES = 1000
SHOWN = 50  # causes told in one mail

_NUMBERS = re.compile(r"\d[\d.:,-]*")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know of."""

    cause: str
    subject: str  # one line
    text: str
    at: datetime
    queues: tuple[str, ...] = ()  # that it is about
    codes: frozenset[str] = frozenset()  # of its causes in `why`; while somebody has all of them, it is quiet


@dataclass(slots=True)
class Cause:
    """What is known of one cause."""

    first: datetime
    last: Notice
    new: int  # notices since the last mail
    total: int
    due: float  # monotonic; when it is to be mailed, if there is anything new
    mailed: bool = False


def cause_of(text: str) -> str:
    """Return `text` without its numbers and times."""
    return _NUMBERS.sub("#", text)[:200]


Taken = Callable[[str], Container[str]]
"""Which problems of a queue somebody has taken on now, by their codes."""


Users = Callable[[str], Iterable[str]]
"""The queues that send with a credential, by its name."""


def of_nobody(queue: str) -> Container[str]:
    """Return that nobody has taken on anything."""
    return ()


def by_nobody(credential: str) -> Iterable[str]:
    """Return that no queue sends with it."""
    return ()


def notice_of(event: Event, taken: Taken = of_nobody, users: Users = by_nobody) -> Notice | None:
    """Return what of `event` is worth a mail, the first that nobody has taken on; None: nothing."""
    return next((n for n in _notices(event, users) if not quiet(n, taken)), None)


def quiet(notice: Notice, taken: Taken) -> bool:
    """Whether somebody has taken on all that it is about, in all queues."""
    if not notice.codes or not notice.queues:
        return False
    return all(code in known for known in map(taken, notice.queues) for code in notice.codes)


def _notices(event: Event, users: Users) -> Iterator[Notice]:
    """Yield what of `event` is worth a mail, the worst first."""
    if isinstance(event, CycleRecord):
        yield from _of_cycle(event)
    elif event.kind == "problem":
        where = f"queue {event.queue}: " if event.queue else ""
        cause = str(event.facts.get("cause") or f"{event.queue or ''} {cause_of(event.text)}")
        codes = frozenset([str(code)]) if (code := event.facts.get("code")) else frozenset[str]()
        credential = str(event.facts.get("credential", ""))
        queues = (event.queue,) if event.queue else tuple(users(credential)) if credential else ()
        yield Notice(cause, f"{where}{event.text}", event.text, event.at, queues, codes)


def _of_cycle(record: CycleRecord) -> Iterator[Notice]:
    queue, queues, at = record.queue, (record.queue,), record.started
    if record.credential:
        subject, codes = f"credential trouble: {record.credential}", frozenset(["credential"])
        yield Notice(f"credential {cause_of(record.credential)}", subject, record.reason, at, queues, codes)
    if record.breaker:
        subject, codes = f"queue {queue}: pilots fail", frozenset(["breaker-open"])
        yield Notice(f"breaker {queue}", subject, record.breaker, at, queues, codes)
    if record.outcome == "failed":
        codes = frozenset(c.code for c in of_submission(record) if not c.by_rule)
        cause, subject = f"failed {queue} {cause_of(record.reason)}", f"queue {queue} cannot send pilots"
        yield Notice(cause, subject, record.reason, at, queues, codes)


def codes_of(record: CycleRecord) -> set[str]:
    """Return the codes of all that is mailed of a cycle, if nobody has taken it on."""
    return {code for notice in _of_cycle(record) for code in notice.codes}


class Digest:
    """Collects notices and says what to mail. Not thread-safe: the caller locks."""

    def __init__(self, repeat: float, taken: Taken = of_nobody):
        self.repeat = repeat  # seconds
        self._taken = taken
        self.causes: dict[str, Cause] = {}
        self.forgotten = 0  # causes dropped, there being too many

    def add(self, notice: Notice, now: float) -> None:
        """Take in a notice at monotonic time `now`."""
        known = self.causes.get(notice.cause)
        if known is not None and not known.new and now - known.due >= self.repeat:
            known = None  # it was over: a new one of the same cause is news
        if known is None:
            self._make_room(notice.cause)
            self.causes[notice.cause] = Cause(notice.at, notice, 1, 1, now + GATHER)
            return
        known.last, known.new, known.total = notice, known.new + 1, known.total + 1

    def due_at(self) -> float | None:
        """Return the monotonic time of the next mail; None when nothing waits."""
        return min((c.due for c in self.causes.values() if c.new), default=None)

    def due(self, now: float) -> list[Cause]:
        """Return what is to be mailed now, in order of time; if anything is, all that waits goes along."""
        for cause in self.causes.values():
            if cause.new and quiet(cause.last, self._taken):  # since it was noticed
                cause.new = 0
        waiting = [c for c in self.causes.values() if c.new]
        if not any(c.due <= now for c in waiting):
            return []
        return sorted((c for c in waiting if not c.mailed or c.due <= now), key=lambda c: c.first)

    def mailed(self, causes: Sequence[Cause], counts: Sequence[int], now: float) -> None:
        """Note that `causes` were mailed, with `counts` notices each; later ones are news again."""
        for cause, count in zip(causes, counts, strict=True):
            cause.new -= count
            cause.mailed = True
            cause.due = now + self.repeat

    def _make_room(self, cause: str) -> None:
        if cause not in self.causes and len(self.causes) >= MAX_CAUSES:
            oldest = min(self.causes, key=lambda c: (self.causes[c].new > 0, self.causes[c].due))
            self.forgotten += self.causes.pop(oldest).new > 0


def compose(causes: Sequence[Cause], factory: str) -> tuple[str, str]:
    """Return subject and text of one mail about `causes` (at least one)."""
    first = causes[0]
    more = f" (and {len(causes) - 1} more)" if len(causes) > 1 else ""
    subject = " ".join(f"[{factory}] {first.last.subject}{more}".split())[:200]
    blocks = []
    for cause in causes[:SHOWN]:
        block = [" ".join(cause.last.subject.split()), f"  at {cause.last.at:%Y-%m-%d %H:%M:%S %Z}"]
        if cause.total > 1:
            block.append(f"  {cause.total} times since {cause.first:%Y-%m-%d %H:%M:%S %Z}")
        if cause.last.text and cause.last.text != cause.last.subject:
            block += [f"  {line}" for line in cause.last.text.splitlines()[:20]]
        blocks.append("\n".join(block))
    if len(causes) > SHOWN:
        blocks.append(f"... and {len(causes) - SHOWN} other troubles")
    return subject, "\n\n".join(blocks) + "\n"
