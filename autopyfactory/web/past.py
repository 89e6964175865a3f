"""Cycles and events of the past, for pages and JSON: bounded in number whatever the time span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from autopyfactory.api.answers import Reaches
from autopyfactory.history.place import HistoryError
from autopyfactory.model.record import FactoryEvent
from autopyfactory.model.serialize import to_full
from autopyfactory.notify.trends import Point, point

POINTS = 240  # of one curve
MOST = 2000  # cycles or events of one answer
SPANS = {"6h": timedelta(hours=6), "day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True, slots=True)
class Curve:
    """How the counts of a queue went over a span of time."""

    since: datetime
    until: datetime
    points: tuple[Point, ...]  # at most POINTS, each the last of its part of the span
    problem: str | None = None


def curve(access: Reaches, queue: str, span: str) -> Curve:
    """Return the counts of `queue` over the last `span` (of SPANS)."""
    now = datetime.now(UTC)
    since = now - SPANS[span]
    try:
        reader = access.history()
        try:
            found = [
                replace(point(s.record), submitted=sent)
                for s, sent in reader.sampled(queue, since, now, POINTS)
            ]
        finally:
            reader.close()
    except HistoryError as err:
        return Curve(since, now, (), str(err))
    return Curve(since, now, thinned(found, since, now))


def thinned(points: Sequence[Point], since: datetime, until: datetime) -> tuple[Point, ...]:
    """Return at most POINTS of `points` (oldest first): the last of each part of the span; sent adds up."""
    width = (until - since) / POINTS
    kept: dict[int, Point] = {}
    for p in points:
        part = min(POINTS - 1, int((p.at - since) / width))  # what was at the very end is of the last part
        before = kept.get(part)
        sent = p.submitted + (before.submitted if before else 0)
        kept[part] = Point(p.at, p.ready, p.pending, p.running, sent)
    return tuple(kept.values())


def cycles(access: Reaches, queue: str, last: int, until: datetime | None = None) -> list[dict[str, Any]]:
    """Return the last cycles of `queue`, oldest first, as plain data. Raises HistoryError."""
    reader = access.history()
    try:
        return [
            {"cycle": to_full(s.record), "cycles": s.cycles, "submitted": s.submitted, "width": s.width}
            for s in reader.last(queue, min(last, MOST), until)
        ]
    finally:
        reader.close()


def events(
    access: Reaches, since: datetime, until: datetime, queue: str | None = None, *, pings: bool = False
) -> tuple[list[FactoryEvent], str | None]:
    """Return what happened, the latest first and at most MOST, and what kept us from reading it."""
    try:
        reader = access.history()
        try:
            found = reader.events(since, until, queue)
        finally:
            reader.close()
    except HistoryError as err:
        return [], str(err)
    wanted = [e for e in found if pings or e.kind != "ping"]
    return wanted[-MOST:][::-1], None
