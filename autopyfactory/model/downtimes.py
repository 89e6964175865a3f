"""Downtimes that others have declared, as far as they concern one queue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Outage:
    """A declared downtime; both times are aware."""

    start: datetime
    end: datetime
    words: str = ""  # of what, and where that is said
    ce: str = ""  # of a queue's several CEs the one that is down, in its one spelling; empty: all are


@dataclass(frozen=True, slots=True)
class Declared:
    """What is known of the downtimes of one queue's site."""

    outages: tuple[Outage, ...] = ()  # not over yet, the earliest first
    trouble: str = ""  # sources that do not answer, in words; empty: all do
    known: bool = True  # False: of some source there is no answer that is new enough
    ces: tuple[str, ...] = ()  # where each CE has downtimes of its own: all of them


NOTHING = Declared()
"""For queues whose rules do not ask, and where no source is configured."""
