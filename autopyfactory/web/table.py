"""The table of queues as a URL asks for it: filtered, sorted, a page at a time. Pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from autopyfactory.api.rows import SORTS, QueueRow, chosen
from autopyfactory.api.sites import sends_to

PAGE = 100  # rows
MOST = 1000  # rows of one page, whatever the URL says
STALE = 15 * 60.0  # seconds since the last decision, from which on a queue is told as late
COLUMNS = (
    "queue", "state", "cause", "wmsqueue", "ce", "ready", "asked", "limit", "wanted", "granted", "submitted",
    "unsubmitted", "waiting", "unseen", "pending", "running", "held", "sent", "outcome", "at", "sentence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows, in which order."""

    text: str = ""  # words as `status --filter` takes them
    cause: str = ""
    state: str = ""
    ce: str = ""
    wmsqueue: str = ""
    sort: str = "queue"
    down: bool = False  # the other way round
    offset: int = 0
    limit: int = PAGE

    def rows(self, rows: Iterable[QueueRow]) -> list[QueueRow]:
        """Return all rows that fit, sorted. Raises ValueError."""
        if self.sort not in SORTS:
            raise ValueError(f"there is no order {self.sort!r}; orders: {', '.join(SORTS)}")
        found = [r for r in chosen(rows, self.text.split()) if self._fits(r)]
        return sorted(found, key=SORTS[self.sort], reverse=self.down)

    def _fits(self, row: QueueRow) -> bool:
        return (
            (not self.cause or cause_of(row) == self.cause)
            and (not self.state or row.state == self.state)
            and (not self.ce or sends_to(row.ce, self.ce))
            and (not self.wmsqueue or row.wmsqueue == self.wmsqueue)
        )

    def page(self, rows: Sequence[QueueRow]) -> Sequence[QueueRow]:
        """Return the page of `rows` that is wanted."""
        start = max(0, self.offset)
        return rows[start : start + max(1, min(self.limit, MOST))]


@dataclass(frozen=True, slots=True)
class Group:
    """Queues with the same thing in their way."""

    cause: str
    queues: int
    example: QueueRow
    who: str = ""
    pending: int = 0
    running: int = 0
    names: tuple[str, ...] = field(default=())


def cause_of(row: QueueRow) -> str:
    """Return what stands in the way of a queue, in one word for machines; `ok`: nothing."""
    return row.cause or "ok"


def groups(rows: Iterable[QueueRow], most: int = 3) -> list[Group]:
    """Return the queues by cause, the largest group first, those without a cause last."""
    by: dict[str, list[QueueRow]] = {}
    for row in rows:
        by.setdefault(cause_of(row), []).append(row)
    made = [
        Group(
            cause,
            len(found),
            found[0],
            found[0].who,
            sum(r.pending or 0 for r in found),
            sum(r.running or 0 for r in found),
            tuple(r.queue for r in found[:most]),
        )
        for cause, found in by.items()
    ]
    return sorted(made, key=lambda g: (g.cause == "ok", -g.queues, g.cause))


def states(rows: Iterable[QueueRow]) -> Counter[tuple[str, str]]:
    """Count queues by state and cause."""
    return Counter((row.state, cause_of(row)) for row in rows)


def as_csv(rows: Iterable[object], columns: Sequence[str] = COLUMNS) -> str:
    """Return rows as CSV; a cell that a spreadsheet would take for a formula begins with a quote."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([[_cell(getattr(row, name)) for name in columns] for row in rows])
    return out.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
