"""Does the upkeep of a history in small slices, between deliveries."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.external.setahead import SetAhead
from autopyfactory.history.schema import queue
from autopyfactory.history.thinning import (
    DAY,
    Progress,
    expire,
    expire_events,
    shrink,
    shrink_pings,
    thin,
    tiers,
    used_bytes,
)

log = logging.getLogger("autopyfactory.history")

PERIOD = 600_000  # ms between two rounds over all queues
SLICE = 1.0  # seconds of upkeep after one delivery
LOT = 20  # queues per transaction
FREE_PAGES = 2000  # pages given back to the file system after one delivery


class Upkeep:
    """Thins and expires the queues of one factory, some after each delivery, and bounds the size."""

    def __init__(
        self,
        factory: str,
        keep_days: float,
        detail_days: float,
        max_bytes: int,
        ahead: SetAhead | None = None,
    ):
        """While `ahead` doubts the clock only the size is looked after: that goes by the order of rows."""
        self._factory = factory
        self._keep = int(keep_days * DAY)
        self._tiers = tiers(detail_days)
        self._max_bytes = max_bytes
        self._ahead = ahead
        self._doubt = ""
        self._progress: Progress = {}
        self._todo: list[int] = []
        self._round_at: int | None = None

    def slice(self, engine: Engine, now: int, monotonic: Callable[[], float]) -> None:
        """Work for about `SLICE` seconds on what is due at `now` (ms since 1970)."""
        if not self._todo and not self._is_due(now):
            return
        if self._doubts(now):
            self._todo.clear()
            if self._is_due(now):
                self._round_at = now
                self._end_round(engine)
            return
        if not self._todo and not self._begin_round(engine, now):
            return
        end = monotonic() + SLICE
        with engine.connect() as connection:
            while self._todo and monotonic() < end:
                self._some_queues(connection, self._todo[-LOT:], now)
                del self._todo[-LOT:]
        if not self._todo:
            self._end_round(engine)

    def _some_queues(self, connection: Connection, queues: list[int], now: int) -> None:
        try:
            with connection.begin():
                for queue_id in queues:
                    expire(connection, queue_id, now - self._keep)
                    thin(connection, queue_id, now, self._tiers, self._progress)
        except SQLAlchemyError:
            self._progress.clear()  # it may tell of thinning that was rolled back
            raise

    @property
    def pending(self) -> int:
        """How many queues the round under way has still to look after."""
        return len(self._todo)

    def _is_due(self, now: int) -> bool:
        return self._round_at is None or not 0 <= now - self._round_at < PERIOD

    def _doubts(self, now: int) -> bool:
        """Whether the clock may be wrong; tells when that begins and ends."""
        before, self._doubt = self._doubt, self._ahead.doubt(now / 1000) if self._ahead is not None else ""
        if self._doubt and not before:
            log.warning("nothing of the history is deleted by its age: %s", self._doubt)
        elif before and not self._doubt:
            log.info("the history is looked after again")
        return bool(self._doubt)

    def _begin_round(self, engine: Engine, now: int) -> bool:
        self._round_at = now
        with engine.begin() as connection:
            expire_events(connection, self._factory, now - self._keep)
            mine = select(queue.c.id).where(queue.c.factory == self._factory)
            self._todo = list(connection.execute(mine).scalars())
        return bool(self._todo)

    def _end_round(self, engine: Engine) -> None:
        with engine.begin() as connection:
            used = used_bytes(connection)
            if used > self._max_bytes:
                gone, what = shrink_pings(connection, 0.5), "pings"
                if not gone:
                    gone, what = shrink(connection, 0.05), "cycles"
                log.warning(
                    "the history takes %d MB (history.maxsize %d MB): the oldest %d %s were deleted",
                    used // 1_000_000,
                    self._max_bytes // 1_000_000,
                    gone,
                    what,
                )
        if engine.dialect.name == "sqlite":
            _give_back(engine)


def _give_back(engine: Engine) -> None:
    """Return free pages of an SQLite file to the file system."""
    raw = engine.raw_connection()
    try:
        # frees a page per step, and only a script is stepped to its end
        raw.cursor().executescript(f"PRAGMA incremental_vacuum({FREE_PAGES})")
    finally:
        raw.close()
