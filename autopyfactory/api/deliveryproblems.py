"""Which monitors, mail servers and databases do not take what the factory reports: else nobody notices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from autopyfactory.model.text import clock, count
from autopyfactory.notify.delivery import ReporterStatus
from autopyfactory.notify.mail import MailStatus


def unheard(reporters: Iterable[ReporterStatus], mail: MailStatus | None, now: datetime) -> Iterator[str]:
    """Yield a sentence for each of them that does not get through, or did not all the time."""
    for status in reporters:
        if status.last_error is not None:
            since = f" since {clock(status.failing_since, now)}" if status.failing_since else ""
            yield f"{status.name}: nothing gets through{since}: {status.last_error}{_left(status)}"
        elif gone := status.dropped + status.lost:
            yield f"{status.name}: {count(gone, 'report')} could not be delivered since the factory started"
    if mail is not None and mail.last_error is not None:
        yield f"mail cannot be sent: {mail.last_error}"


def _left(status: ReporterStatus) -> str:
    gone = status.dropped + status.lost
    return f" ({status.queued} wait, {gone} are lost)"
