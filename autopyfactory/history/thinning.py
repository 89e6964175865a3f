"""Keeps the history small: older cycles are kept more coarsely, the oldest not at all.

In each window of a coarser step one row per outcome stays, the last of its kind, and stands for the others:
its counts of cycles and of submitted pilots are theirs added up. So totals stay exact, and a failure among
sixty quiet cycles is not thinned away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, select, text, update

from autopyfactory.history.schema import cycle, event

DAY = 86_400_000  # ms
_LOT = 500  # rows per DELETE


@dataclass(frozen=True, slots=True)
class Tier:
    """From `age` days on, one row per outcome and window of `width` seconds is kept."""

    age: float
    width: int


def tiers(detail_days: float) -> tuple[Tier, ...]:
    """Return the steps by which a history is thinned whose cycles are all kept for `detail_days`."""
    return Tier(detail_days, 600), Tier(max(30.0, detail_days * 2), 3600)


Progress = dict[tuple[int, int], int]
"""Up to when (ms) the cycles of a queue are thinned to a width, by (queue, width)."""


def thin(connection: Connection, queue_id: int, now: int, steps: tuple[Tier, ...], progress: Progress) -> int:
    """Thin the cycles of one queue as far as they are due at `now` (ms); return how many rows went.

    `progress` is taken into account and brought forward; begin with an empty one.
    """
    gone = 0
    for tier in steps:
        wide = tier.width * 1000
        before = (now - int(tier.age * DAY)) // wide * wide  # whole windows only
        done = progress.get((queue_id, tier.width))
        if done is None:
            done = _first_fine(connection, queue_id, tier.width) or before
        if done < before:
            gone += _thin_to(connection, queue_id, done // wide * wide, before, tier.width)
        progress[queue_id, tier.width] = max(done, before)
    return gone


def _first_fine(connection: Connection, queue_id: int, width: int) -> int | None:
    """Return when the first cycle started that is kept more finely than `width`; reads all of a queue."""
    mine = (cycle.c.queue_id == queue_id, cycle.c.width < width)
    return connection.execute(select(func.min(cycle.c.at)).where(*mine)).scalar()


def _thin_to(connection: Connection, queue_id: int, start: int, before: int, width: int) -> int:
    window = (cycle.c.at - cycle.c.at % (width * 1000)).label("window")
    due = (cycle.c.queue_id == queue_id, cycle.c.at >= start, cycle.c.at < before)
    groups = connection.execute(
        select(
            func.max(cycle.c.id).label("keep"),
            func.sum(cycle.c.cycles).label("cycles"),
            func.sum(cycle.c.submitted).label("submitted"),
        )
        .where(*due)
        .group_by(window, cycle.c.outcome)
    ).all()
    if not groups:
        return 0
    keep = {row.keep for row in groups}
    rows = connection.execute(select(cycle.c.id).where(*due)).scalars()
    extra = [row for row in rows if row not in keep]
    for lot in _lots(extra):
        connection.execute(delete(cycle).where(cycle.c.id.in_(lot)))
    connection.execute(
        update(cycle)
        .where(cycle.c.id == bindparam("keep"))
        .values(cycles=bindparam("sum_cycles"), submitted=bindparam("sum_submitted"), width=width),
        [{"keep": g.keep, "sum_cycles": int(g.cycles), "sum_submitted": int(g.submitted)} for g in groups],
    )
    return len(extra)


def _lots(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _LOT):
        yield ids[start : start + _LOT]


def expire(connection: Connection, queue_id: int, before: int) -> int:
    """Delete the cycles of one queue that started before `before` (ms); return how many."""
    done = connection.execute(delete(cycle).where(cycle.c.queue_id == queue_id, cycle.c.at < before))
    return int(done.rowcount)


def expire_events(connection: Connection, factory: str, before: int) -> int:
    """Delete the events of `factory` that happened before `before` (ms); return how many."""
    done = connection.execute(delete(event).where(event.c.factory == factory, event.c.at < before))
    return int(done.rowcount)


def used_bytes(connection: Connection) -> int:
    """Return the bytes that rows take (not those that are free inside the file)."""
    if connection.dialect.name == "sqlite":
        pages, free, size = (
            int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size
    # A server does not shrink its files when rows go: live rows times what the latest of them take.
    return sum(_server_bytes(connection, table) for table in ("cycle", "event"))


def _server_bytes(connection: Connection, table: str) -> int:
    rows = connection.execute(
        text("SELECT greatest(n_live_tup, 0) FROM pg_stat_user_tables WHERE relname = :table"),
        {"table": table},
    ).scalar()
    latest = f"SELECT avg(pg_column_size(c.*)) FROM (SELECT * FROM {table} ORDER BY id DESC LIMIT 500) c"
    width = connection.execute(text(latest)).scalar()
    return int((rows or 0) * (float(width or 0) + 60))  # 60: line pointer and the two indexes


def shrink_pings(connection: Connection, share: float) -> int:
    """Delete the oldest `share` (0..1) of all pings, at least a thousand; return how many.

    Anybody may send them, so they go before anything that the factory knows of itself.
    """
    pings = event.c.kind == "ping"
    number = int(connection.execute(select(func.count()).select_from(event).where(pings)).scalar_one())
    oldest = select(event.c.id).where(pings).order_by(event.c.id).limit(max(1000, int(number * share)))
    done = connection.execute(delete(event).where(event.c.id.in_(oldest)))
    return int(done.rowcount)


def shrink(connection: Connection, share: float) -> int:
    """Delete the oldest `share` (0..1) of all cycles; return how many."""
    low, high = connection.execute(select(func.min(cycle.c.id), func.max(cycle.c.id))).one()
    if low is None:
        return 0
    done = connection.execute(delete(cycle).where(cycle.c.id <= low + int((high - low) * share)))
    return int(done.rowcount)
