"""Several lines of one moment, logged at once: a record for each would cost a cycle much of its time."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator


class Lines(tuple[str, ...]):
    """What to log: `log.info(Lines(["a", "b"]))`. Each becomes a line like any other."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return them one below the other, for handlers that know nothing of this."""
        return "\n".join(self)


def lines_of(record: logging.LogRecord) -> int:
    """Return how many lines a record is."""
    return len(record.msg) if isinstance(record.msg, Lines) else 1


def apart(record: logging.LogRecord) -> Iterator[logging.LogRecord]:
    """Yield a record for each of several lines, or `record` itself."""
    if not isinstance(record.msg, Lines):
        yield record
        return
    for text in record.msg:
        one = copy.copy(record)
        one.msg = text
        yield one
