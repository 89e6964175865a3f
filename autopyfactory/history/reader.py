"""Reads the history; never writes, and works while a factory writes or when none runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.history import packing
from autopyfactory.history.migration import version
from autopyfactory.history.packing import Packer
from autopyfactory.history.place import HistoryError, must_exist
from autopyfactory.history.schema import VERSION, cycle, dictionary, event, from_ms, queue, to_ms
from autopyfactory.history.store import file_of, open_engine, parse, shown
from autopyfactory.history.thinning import used_bytes
from autopyfactory.model.record import CycleRecord, FactoryEvent
from autopyfactory.model.serialize import from_plain


@dataclass(frozen=True, slots=True)
class Stored:
    """A cycle that was kept, and what it stands for."""

    record: CycleRecord
    cycles: int = 1  # it is the last of so many with the same outcome in its window
    submitted: int = 0  # pilots that these cycles sent
    width: int = 0  # s, the window it was thinned to; 0: not thinned


@dataclass(frozen=True, slots=True)
class HistoryInfo:
    """What a history holds."""

    url: str  # without a password
    version: int
    queues: int
    rows: int  # as far as the ids tell: an upper bound
    used_bytes: int
    oldest: datetime | None
    newest: datetime | None


class HistoryReader:
    """The history of one factory (or of all that share it, with factory=None), for reading."""

    def __init__(self, url: str, factory: str | None = None):
        """Prepare; raises HistoryError for an unusable URL or when there is no history yet."""
        self._url = parse(url)
        self._factory = factory
        path = file_of(self._url)
        if path is not None:
            must_exist(path)
        self._engine = open_engine(self._url, read_only=True)
        self._packers: dict[int, Packer] = {0: Packer()}
        self._checked = False

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def queues(self) -> list[str]:
        """Return the names of all queues that were ever kept, sorted."""
        with self._connection() as connection:
            names = connection.execute(select(queue.c.name).distinct().where(*self._mine()))
            return sorted(names.scalars())

    def last(self, name: str, n: int, until: datetime | None = None) -> list[Stored]:
        """Return the last `n` kept cycles of queue `name` that started up to `until`, oldest first."""
        query = self._of(name).order_by(cycle.c.at.desc()).limit(n)
        if until is not None:
            query = query.where(cycle.c.at <= to_ms(until))
        with self._connection() as connection:
            return [self._stored(connection, row) for row in reversed(connection.execute(query).all())]

    def span(self, name: str, since: datetime, until: datetime) -> Iterator[Stored]:
        """Yield the kept cycles of queue `name` that started in [since, until), oldest first."""
        query = self._of(name).where(cycle.c.at >= to_ms(since), cycle.c.at < to_ms(until))
        with self._connection() as connection:
            for row in connection.execute(query.order_by(cycle.c.at)):
                yield self._stored(connection, row)

    def sampled(self, name: str, since: datetime, until: datetime, parts: int) -> list[tuple[Stored, int]]:
        """Return the last kept cycle of each of `parts` equal parts of [since, until), oldest first.

        With each comes how many pilots were sent in its part. However many cycles are kept of that time, no
        more than `parts` are read.
        """
        low, high = to_ms(since), to_ms(until)
        width = max(1, (high - low) // parts)
        part = (cycle.c.at - low) // width
        of_each = (
            select(func.max(cycle.c.id).label("id"), func.sum(cycle.c.submitted).label("sent"))
            .join(queue, queue.c.id == cycle.c.queue_id)
            .where(queue.c.name == name, *self._mine())
            .where(cycle.c.at >= low, cycle.c.at < high)
            .group_by(part)
            .subquery()
        )
        query = select(cycle, of_each.c.sent).join(of_each, of_each.c.id == cycle.c.id).order_by(cycle.c.at)
        with self._connection() as connection:
            found = connection.execute(query.limit(parts + 1)).all()
            return [(self._stored(connection, row), int(row.sent)) for row in found]

    def latest(self) -> Mapping[str, Stored]:
        """Return the last cycle of every queue, by name."""
        # one index look-up per queue; a GROUP BY would read the whole index
        newest = (
            select(cycle.c.id)
            .where(cycle.c.queue_id == queue.c.id)
            .order_by(cycle.c.at.desc())
            .limit(1)
            .correlate(queue)
            .scalar_subquery()
        )
        with self._connection() as connection:
            of_each = connection.execute(select(newest).select_from(queue).where(*self._mine())).scalars()
            ids = [i for i in of_each if i is not None]
            found: dict[str, Stored] = {}
            for start in range(0, len(ids), 500):
                query = select(cycle).where(cycle.c.id.in_(ids[start : start + 500]))
                for row in connection.execute(query):
                    stored = self._stored(connection, row)
                    found[stored.record.queue] = stored
            return found

    def events(self, since: datetime, until: datetime, name: str | None = None) -> list[FactoryEvent]:
        """Return what happened in [since, until), to queue `name` and the factory, or (None) to all."""
        query = select(event.c.detail).where(event.c.at >= to_ms(since), event.c.at < to_ms(until))
        if self._factory is not None:
            query = query.where(event.c.factory == self._factory)
        if name is not None:
            query = query.where((event.c.queue == name) | (event.c.queue.is_(None)))
        with self._connection() as connection:
            texts = connection.execute(query.order_by(event.c.at, event.c.id)).scalars()
            return [_event(text) for text in texts]

    def totals(self, name: str, since: datetime, until: datetime) -> Mapping[int, tuple[int, int]]:
        """Return (cycles, pilots submitted) of queue `name` in [since, until), by number of outcome."""
        query = (
            select(cycle.c.outcome, func.sum(cycle.c.cycles), func.sum(cycle.c.submitted))
            .join(queue, queue.c.id == cycle.c.queue_id)
            .where(queue.c.name == name, *self._mine())
            .where(cycle.c.at >= to_ms(since), cycle.c.at < to_ms(until))
            .group_by(cycle.c.outcome)
        )
        with self._connection() as connection:
            return {row[0]: (int(row[1]), int(row[2])) for row in connection.execute(query)}

    def info(self) -> HistoryInfo:
        """Return what this history holds."""
        with self._connection() as connection:
            queues = connection.execute(select(func.count()).select_from(queue)).scalar_one()
            low, high = connection.execute(select(func.min(cycle.c.id), func.max(cycle.c.id))).one()
            ends = [
                connection.execute(select(cycle.c.at).where(cycle.c.id == i)).scalar() for i in (low, high)
            ]
            return HistoryInfo(
                url=shown(self._url),
                version=version(connection),
                queues=queues,
                rows=0 if low is None else high - low + 1,
                used_bytes=used_bytes(connection),
                oldest=None if ends[0] is None else from_ms(ends[0]),
                newest=None if ends[1] is None else from_ms(ends[1]),
            )

    # -- helpers ------------------------------------------------------------------------------------

    def _mine(self) -> tuple[Any, ...]:
        return () if self._factory is None else (queue.c.factory == self._factory,)

    def _of(self, name: str) -> Select[Any]:
        return (
            select(cycle)
            .join(queue, queue.c.id == cycle.c.queue_id)
            .where(queue.c.name == name, *self._mine())
        )

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                if not self._checked:
                    self._check(connection)
                yield connection
        except SQLAlchemyError as err:
            raise HistoryError(f"{shown(self._url)} cannot be read: {getattr(err, 'orig', err)}") from err

    def _check(self, connection: Connection) -> None:
        have = version(connection)
        if have < VERSION:
            raise HistoryError(
                f"{shown(self._url)} has schema version {have}, not {VERSION};"
                " a factory brings it up to date when it starts"
            )
        if have > VERSION:
            raise HistoryError(f"{shown(self._url)} has schema version {have}: a newer release wrote it")
        self._checked = True

    def _stored(self, connection: Connection, row: Row[Any]) -> Stored:
        number = row.dictionary_id
        if number not in self._packers:
            body = select(dictionary.c.body).where(dictionary.c.id == number)
            self._packers[number] = Packer(connection.execute(body).scalar_one())
        try:
            record = packing.decode(self._packers[number].unpack(row.detail))
        except ValueError as err:
            raise HistoryError(f"a cycle at {from_ms(row.at)} cannot be read: {err}") from err
        return Stored(record, row.cycles, row.submitted, row.width)


def _event(text: str) -> FactoryEvent:
    try:
        return from_plain(FactoryEvent, json.loads(text))
    except ValueError as err:
        raise HistoryError(f"an event cannot be read: {err}") from err
