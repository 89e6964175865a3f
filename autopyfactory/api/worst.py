"""The worst queues: how pilots ended within a window, from the factory's file or the running factory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from autopyfactory.accounting.tally import Tally, since
from autopyfactory.api.answers import Reaches, Unknown
from autopyfactory.control.client import ControlError
from autopyfactory.control.server import CommandError
from autopyfactory.model.serialize import from_plain, to_full

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

WINDOWS = {"2h": 2.0, "day": 24.0, "week": 168.0}  # hours
MOST = 1000  # rows of one answer
FILE = "tally.db"  # in the state folder


@dataclass(frozen=True, slots=True)
class WorstRow:
    """One queue. Per cent of the pilots that ended (`wasted_percent`: of the hours); None: none ended."""

    queue: str
    ended: int
    failed: int
    failed_percent: float | None
    unstarted: int  # never began to run
    unstarted_percent: float | None
    unfit: int  # a check found their node unfit or faulty
    unfit_percent: float | None
    empty: int  # found no work
    empty_percent: float | None
    short: int  # ended well within a minute
    short_percent: float | None
    held: int  # were held at some time
    held_percent: float | None
    removed: int
    wasted_hours: float  # that failed and empty ones ran
    wasted_percent: float | None
    hours: float  # that all of them ran


COLUMNS = tuple(f.name for f in fields(WorstRow))
_PARTS = ("failed", "unstarted", "unfit", "empty", "short", "held")  # of those that ended


def row_of(t: Tally) -> WorstRow:
    """Return counts with what people compare."""
    shares = {name: _round(t.percent(name)) for name in (*_PARTS, "wasted")}
    return WorstRow(
        t.queue,
        ended=t.ended,
        failed=t.failed,
        failed_percent=shares["failed"],
        unstarted=t.unstarted,
        unstarted_percent=shares["unstarted"],
        unfit=t.unfit,
        unfit_percent=shares["unfit"],
        empty=t.empty,
        empty_percent=shares["empty"],
        short=t.short,
        short_percent=shares["short"],
        held=t.held,
        held_percent=shares["held"],
        removed=t.removed,
        wasted_hours=round(t.wasted_hours, 2),
        wasted_percent=shares["wasted"],
        hours=round(t.hours, 2),
    )


def _round(share: float | None) -> float | None:
    return None if share is None else round(share, 1)


def ranked(rows: Iterable[WorstRow], sort: str, *, up: bool = False) -> list[WorstRow]:
    """Return rows by a column, the worst first; `up`: the other way round. Raises ValueError."""
    if sort not in COLUMNS:
        raise ValueError(f"there is no column {sort!r}; columns: {', '.join(COLUMNS)}")
    known = sorted(rows, key=lambda r: r.queue)
    if sort == "queue":
        return known[::-1] if up else known
    return sorted(known, key=lambda r: getattr(r, sort) or 0, reverse=not up)


def answer(factory: Factory, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `worst`: rows of the queues whose pilots ended in the last `hours`, unsorted."""
    hours = arguments.get("hours", WINDOWS["day"])
    if not isinstance(hours, int | float) or not 0 < hours <= WINDOWS["week"]:
        raise CommandError(f"hours is no number from 0 to {WINDOWS['week']:g}: {hours!r}")
    try:
        found = since(factory.state_dir / FILE, hours)
    except OSError as err:
        raise CommandError(str(err)) from err
    return {"hours": hours, "queues": [to_full(row_of(t)) for t in found]}


def worst(access: Reaches, window: str) -> list[WorstRow]:
    """Return the rows for a window (of WINDOWS). Raises Unknown.

    From the factory's file, which costs the factory nothing; who may not read that asks the factory.
    """
    hours = WINDOWS[window]
    try:
        return [row_of(t) for t in since(access.state_dir / FILE, hours)]
    except OSError as err:
        trouble = str(err)
    try:
        said = access.ask("worst", hours=hours)
    except ControlError as err:
        raise Unknown(f"{trouble}; {err}") from err
    return [from_plain(WorstRow, row) for row in said["queues"]]


COMMANDS = {"worst": answer}
