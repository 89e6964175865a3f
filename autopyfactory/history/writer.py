"""Writes what happens into the history; runs on a reporter's thread only, so it may fail and wait."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Insert, insert, select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from autopyfactory.external import privatefiles
from autopyfactory.external.setahead import SetAhead
from autopyfactory.history import packing
from autopyfactory.history.migration import TooNew, migrate
from autopyfactory.history.packing import Packer
from autopyfactory.history.place import HistoryError
from autopyfactory.history.schema import cycle, dictionary, event, outcome_number, queue, to_ms
from autopyfactory.history.store import file_of, is_corrupt, move_aside, open_engine, parse, shown
from autopyfactory.history.upkeep import Upkeep
from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.record import CycleRecord, Event, FactoryEvent
from autopyfactory.model.text import printable

log = logging.getLogger("autopyfactory.history")

RETRAIN = 2000  # records until a look whether a new dictionary would be better; then twice as many, ...
LONGEST_NAME = 300  # characters, as the schema has it
SAMPLES = 1000  # records that a dictionary is learnt from


class HistoryWriter:
    """The history of one factory, for writing. `deliver` is made for `BatchReporter`."""

    def __init__(
        self,
        url: str,
        factory: str,
        *,
        keep_days: float = 90,
        detail_days: float = 7,
        max_bytes: int = 5_000_000_000,
        clock: Clock | None = None,
        ahead: SetAhead | None = None,
    ):
        """Prepare; nothing is opened until the first delivery. Raises HistoryError for an unusable URL.

        While `ahead` doubts the clock, nothing is thinned or deleted by its age.
        """
        self._url = parse(url)
        self._factory = factory
        self._clock = clock or SystemClock()
        self._ahead = ahead
        self.upkeep = Upkeep(factory, keep_days, detail_days, max_bytes, ahead)
        self._engine: Engine | None = None
        self._queues: dict[str, int] = {}
        self._dictionary: tuple[int, Packer] = (0, Packer())
        self._samples: list[bytes] = []
        self._untrained = 0  # records since the dictionary was last thought about
        self._retrain = RETRAIN
        self.skipped = 0  # events that have no form to be written in

    def deliver(self, events: Sequence[Event]) -> None:
        """Write `events` in one transaction, then do a slice of the upkeep that is due.

        Raises when nothing was written; writing the same events again does not double them.
        """
        try:
            engine = self._open()
            self._deliver(engine, events)
        except SQLAlchemyError as err:
            self._forget()
            self._mend(err)
            raise
        self._look_after(engine)

    def _deliver(self, engine: Engine, events: Sequence[Event]) -> None:
        """Write `events`; one that the database does not take is dropped alone, and counted."""
        before = self._dictionary, self.skipped
        try:
            with engine.begin() as connection:
                self._write(connection, events)
        except (DataError, IntegrityError, ArithmeticError, ValueError) as err:
            self._queues.clear()  # ids of the transaction that failed
            # a newer dictionary was not kept: what is packed with it could not be read
            self._dictionary, self.skipped = before
            if len(events) == 1:
                self._drop(events[0], err)
                return
            for one in events:
                self._deliver(engine, [one])

    def _drop(self, event: Event, err: Exception) -> None:
        self.skipped += 1
        name = printable(event.queue or "the factory", 80)
        log.error("an event of %s cannot be kept: %s", name, printable(str(err), 200))

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()
        self._forget()

    # -- opening and mending ------------------------------------------------------------------------

    def _open(self) -> Engine:
        if self._engine is None:
            engine = open_engine(self._url)
            path = file_of(self._url)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                privatefiles.create(path)
            try:
                migrate(engine)
            except TooNew as err:
                raise HistoryError(f"{shown(self._url)} cannot be written: {err}") from err
            with engine.connect() as connection:
                newest = connection.execute(
                    select(dictionary.c.id, dictionary.c.body).order_by(dictionary.c.id.desc()).limit(1)
                ).first()
                last = connection.execute(select(cycle.c.at).order_by(cycle.c.id.desc()).limit(1)).scalar()
            if self._ahead is not None and last is not None:
                self._ahead.said(last / 1000)
            self._dictionary = (newest.id, Packer(newest.body)) if newest else (0, Packer())
            self._untrained = 0 if newest else self._retrain
            self._engine = engine
        return self._engine

    def _forget(self) -> None:
        # a transaction that failed may have made the ids that we remember
        self._queues.clear()
        self._dictionary = (0, Packer())
        if self._engine is not None:
            self._engine.dispose()
        self._engine = None

    def _mend(self, err: SQLAlchemyError) -> None:
        path = file_of(self._url)
        if path is not None and is_corrupt(err) and path.exists():
            log.error("%s is damaged (%s): moved to %s, a new one is begun", path, err, move_aside(path))

    # -- writing ------------------------------------------------------------------------------------

    def _write(self, connection: Connection, events: Sequence[Event]) -> None:
        records: list[tuple[CycleRecord, bytes]] = []
        happened: list[dict[str, Any]] = []
        for e in events:
            try:
                _storable(e)
                if isinstance(e, CycleRecord):
                    to_ms(e.started)  # TypeError: a time without its zone is none
                    records.append((e, packing.encode(e)))
                else:
                    happened.append(self._event_row(e))
            except (TypeError, ValueError) as err:  # half characters too
                self._drop(e, err)
        self._train(connection, [text for _, text in records])
        if records:
            connection.execute(_new(connection, cycle), [self._row(connection, *r) for r in records])
        if happened:
            connection.execute(insert(event), happened)

    def _row(self, connection: Connection, record: CycleRecord, text: bytes) -> dict[str, Any]:
        number, packer = self._dictionary
        return {
            "queue_id": self._queue_id(connection, record.queue),
            "at": to_ms(record.started),
            "outcome": outcome_number(record.outcome),
            "submitted": record.submitted,
            "cycles": 1,
            "width": 0,
            "dictionary_id": number,
            "detail": packer.pack(text),
        }

    def _event_row(self, e: FactoryEvent) -> dict[str, Any]:
        return {
            "factory": self._factory,
            "queue": e.queue,
            "at": to_ms(e.at),
            "kind": e.kind,
            "detail": packing.as_json(e).decode(),
        }

    def _queue_id(self, connection: Connection, name: str) -> int:
        known = self._queues.get(name)
        if known is None:
            here = (queue.c.factory == self._factory, queue.c.name == name)
            connection.execute(_new(connection, queue), [{"factory": self._factory, "name": name}])
            known = connection.execute(select(queue.c.id).where(*here)).scalar_one()
            self._queues[name] = known
        return known

    def _train(self, connection: Connection, texts: Sequence[bytes]) -> None:
        """Make a new dictionary when one is due and would save at least a tenth."""
        self._sample(texts)
        if self._untrained < self._retrain or not self._samples:
            return
        self._retrain *= 2  # so that there are few dictionaries, however long the factory lives
        samples, self._samples, self._untrained = self._samples, [], 0
        body = packing.train(samples)
        better = Packer(body)
        if better.cost(samples) > 0.9 * self._dictionary[1].cost(samples):
            return
        made = connection.execute(insert(dictionary).values(body=body))
        key = made.inserted_primary_key
        assert key is not None
        self._dictionary = (int(key[0]), better)

    def _sample(self, texts: Sequence[bytes]) -> None:
        """Keep SAMPLES of all records since the last training, each with the same chance."""
        for text in texts:
            self._untrained += 1
            if len(self._samples) < SAMPLES:
                self._samples.append(text)
            elif (place := random.randrange(self._untrained)) < SAMPLES:
                self._samples[place] = text

    # -- looking after ------------------------------------------------------------------------------

    def _look_after(self, engine: Engine) -> None:
        try:
            self.upkeep.slice(engine, to_ms(self._clock.now()), self._clock.monotonic)
        except SQLAlchemyError as err:
            # what was delivered is written: a failed clean-up must not make it be delivered again
            log.warning("the history could not be thinned: %s", err)


def _storable(event: Event) -> None:
    """Raise ValueError for a name that no column holds: with half a character or NUL, or too long."""
    for name in (event.queue or "", getattr(event, "kind", "")):
        name.encode()
        if "\0" in name or len(name) > LONGEST_NAME:
            raise ValueError(f"the name {name[:40]!r} is none")


def _new(connection: Connection, table: Any) -> Insert:
    """Return an INSERT that leaves alone what is there already."""
    # a factory imports the dialect of its own database only
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table).on_conflict_do_nothing()
