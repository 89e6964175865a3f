"""Which clusters may have living pilots: their files must stay."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from autopyfactory.accounting.bookkeeper import Bookkeeper


def underway(book: Bookkeeper, queues: Iterable[str], now: datetime) -> dict[str, set[str]]:
    """Return by queue the clusters with pilots that may not have ended, sent before the day (UTC) of `now`.

    Empty among them: there may be some that are not known. So it is with a queue that this book has never
    sent for, and has taken over no pilot of: it may be a new book, and who sent before it have living pilots.
    """
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found = book.underway(today.timestamp())
    for queue in queues:
        if not book.total(queue) and not book.open(queue):
            found.setdefault(queue, set()).add("")
    return found
