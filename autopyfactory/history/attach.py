"""The history of a running factory: a reporter that writes it."""

from __future__ import annotations

import logging

from autopyfactory.external.setahead import SetAhead
from autopyfactory.history.place import HistoryError
from autopyfactory.history.store import history_url
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.notify.delivery import BatchReporter
from autopyfactory.options.common import FactoryOptions

log = logging.getLogger("autopyfactory.history")

LINGER = 1.0  # seconds: what happens within them is one transaction


def history_reporter(options: FactoryOptions) -> BatchReporter | None:
    """Return the reporter that keeps what it is told; None when there is to be no history.

    It never gives an event up by itself: while the database does not take any, events wait, and when too
    many wait the oldest go. Nothing is opened before the first event.
    """
    if not options.history:
        return None
    try:
        writer = HistoryWriter(
            history_url(options),
            options.factory_id,
            keep_days=options.history_keep_days,
            detail_days=options.history_detail_days,
            max_bytes=options.history_max_size * 1_000_000,
            ahead=SetAhead(),
        )
    except HistoryError as err:
        log.error("no history is kept: %s", err)
        return None
    return BatchReporter("history", writer.deliver, attempts=None, linger=LINGER)
