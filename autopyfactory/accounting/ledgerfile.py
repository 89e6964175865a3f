"""The file that the book of pilots is kept in (SQLite): its tables, and how they are read and written."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from autopyfactory.accounting import spelling
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.place import Place, Places
from autopyfactory.accounting.requests import Write
from autopyfactory.external import privatefiles

log = logging.getLogger("autopyfactory.ledger")

VERSION = 2
LOST_KEPT = 30 * 86400  # no pilot lives as long
_SUPPOSED = "supposed INTEGER NOT NULL DEFAULT 0"  # a column that earlier ledgers do not have
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS batch (
    tag TEXT PRIMARY KEY, queue TEXT NOT NULL, place TEXT NOT NULL, ce TEXT NOT NULL, n INTEGER NOT NULL,
    cores INTEGER NOT NULL, memory_mb INTEGER NOT NULL, intended REAL NOT NULL, identity TEXT NOT NULL,
    mark TEXT NOT NULL, state TEXT NOT NULL, cluster TEXT NOT NULL,
    members TEXT NOT NULL, alive TEXT NOT NULL, lost TEXT NOT NULL, {_SUPPOSED});
CREATE INDEX IF NOT EXISTS batch_state ON batch (state) WHERE state != 'closed';
CREATE INDEX IF NOT EXISTS batch_queue ON batch (queue, intended);
CREATE INDEX IF NOT EXISTS batch_intended ON batch (intended);
CREATE TABLE IF NOT EXISTS place (
    name TEXT PRIMARY KEY, identity TEXT NOT NULL, cursor TEXT NOT NULL, spec TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS alias (name TEXT PRIMARY KEY, place TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS total (queue TEXT PRIMARY KEY, sent INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS book (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_COLUMNS = (
    "tag", "queue", "place", "ce", "n", "cores", "memory_mb", "intended", "identity", "mark", "state",
    "cluster", "members", "alive", "lost", "supposed",
)  # fmt: skip
_VALUES = attrgetter(*_COLUMNS)
_BITS = ("members", "alive", "lost")  # as hexadecimal text: they are wider than SQLite's integers
_PUT_TOTAL = "INSERT INTO total VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET sent = sent + excluded.sent"
_COUNTED = "SELECT CASE WHEN state = 'intended' OR mark != ? THEN 0 ELSE n END FROM batch WHERE tag = ?"
_PUT = f"INSERT OR REPLACE INTO batch ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"


class LedgerFile:
    """The open file. Any thread may use it; all but the constructor raise sqlite3.Error."""

    def __init__(self, path: Path):
        """Open it, or make it; one of an earlier release is taken over. Raises OSError, sqlite3.Error."""
        self.lock = threading.Lock()  # of the connection
        privatefiles.create(path)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(_SCHEMA)
        self._transactions = Transactions(self._db)
        with self._transactions.begin(durable=True):
            self._db.execute("INSERT OR IGNORE INTO book VALUES ('mark', ?)", (uuid.uuid4().hex,))
            self._db.execute("INSERT OR REPLACE INTO book VALUES ('version', ?)", (str(VERSION),))
            _add_columns(self._db)
            _take_over(self._db)
        self.mark: str
        (self.mark,) = self._db.execute("SELECT value FROM book WHERE key = 'mark'").fetchone()

    def close(self) -> None:
        """Close it; it cannot be used any more."""
        with self.lock:
            self._db.close()

    # --- reading --------------------------------------------------------------------------------

    def restore(self) -> tuple[Book, Places]:
        """Return the book as it is on disk, and the places."""
        book, places = Book(self.mark), Places()
        with self.lock:
            places.aliases.update(self._db.execute("SELECT name, place FROM alias"))
            for name, identity, cursor, spec in self._db.execute(
                "SELECT name, identity, cursor, spec FROM place"
            ):
                place = places.get(name)
                if spec:
                    place.specs[name] = spec
                if place.name == name:  # else it is only another name, by now
                    place.identity, place.cursor, place.spec = identity, cursor, spec
            for batch in self._lines("state IN ('intended', 'sent') OR lost != '0'"):
                batch.place = places.home_of(batch)
                book.load(batch)
            book.sent.update(dict(self._db.execute("SELECT queue, sent FROM total")))
        return book, places

    def sent_since(self, oldest: float) -> list[Batch]:
        """Return the lines of submissions since `oldest` (seconds since 1970)."""
        with self.lock:
            return self._lines("state != 'intended' AND intended >= ?", oldest)

    def last(self) -> float | None:
        """Return the time of the latest intent (seconds since 1970); None: there is none."""
        with self.lock:
            newest: float | None = self._db.execute("SELECT MAX(intended) FROM batch").fetchone()[0]
        return newest

    def recall(self, tags: Iterable[str]) -> dict[str, str | None]:
        """Return which `tags` have a line, with their clusters; None: an intent that was given up."""
        known: dict[str, str | None] = {}
        query = "SELECT n, cluster FROM batch WHERE tag = ? AND state != 'old'"
        with self.lock:
            for tag in tags:
                if row := self._db.execute(query, (_kept(tag),)).fetchone():
                    known[tag] = str(row[1]) if row[0] else None
        return known

    def _lines(self, where: str, *values: float) -> list[Batch]:
        return [
            _batch(row)
            for row in self._db.execute(f"SELECT {', '.join(_COLUMNS)} FROM batch WHERE {where}", values)
        ]

    # --- writing --------------------------------------------------------------------------------

    def write(self, lines: Sequence[Batch], requests: Iterable[Write], *, durable: bool) -> None:
        """Keep `lines`, and the places and other names of `requests`, in one transaction."""
        with self.lock, self._transactions.begin(durable=durable):
            self._put_lines(lines)
            for request in requests:
                self._put_places(request.places)
                for item in request.aliases.items():
                    self._db.execute("INSERT OR REPLACE INTO alias VALUES (?, ?)", tuple(map(_kept, item)))

    def delete_closed(self, limit: float) -> None:
        """Delete the lines that are closed and older than `limit` (seconds since 1970).

        Not those with lost pilots, for `LOST_KEPT` seconds more, or of which nobody knows when they were
        sent: these may be found again, and are counted among those ever sent already.
        """
        old = "DELETE FROM batch WHERE state IN ('closed', 'old') AND intended < ?"
        with self.lock, self._transactions.begin(durable=False):
            self._db.execute(f"{old} AND lost = ?", (limit, "0"))
            self._db.execute(f"{old} AND intended > 0", (limit - LOST_KEPT,))

    def _put_lines(self, lines: Sequence[Batch]) -> None:
        for queue, n in self._news(lines).items():
            if n:
                self._db.execute(_PUT_TOTAL, (_kept(queue), n))
        for b in lines:
            self._db.execute(_PUT, _row(b))

    def _put_places(self, places: Iterable[Place]) -> None:
        for p in places:
            values = tuple(map(_kept, (p.name, p.identity, p.cursor, p.spec)))
            self._db.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?)", values)

    def _news(self, lines: Iterable[Batch]) -> Counter[str]:
        """Return how many pilots more, by queue, these lines have than they had: what a total grows by.

        Those that were adopted from other books were not sent by this one.
        """
        news: Counter[str] = Counter()
        for b in lines:
            before = self._db.execute(_COUNTED, (self.mark, _kept(b.tag))).fetchone()
            counted = b.n if b.state != "intended" and b.mark == self.mark else 0
            news[b.queue] += counted - (before[0] if before else 0)
        return news


class Transactions:
    """All or nothing, one after the other. Only what somebody waits for has to survive a power cut."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db
        self._durable: bool | None = None  # as the last one was; None: not known
        self._numbers = itertools.count()

    def begin(self, *, durable: bool) -> Transactions:
        """Begin one, which ends with the `with` that this is for."""
        if durable is not self._durable:
            self._durable = None  # it may fail, and have its effect all the same
            level = "FULL" if durable else "NORMAL"
            # SQLite does it while it reads the text. One that was kept, since it was interrupted, would do
            # nothing: so each has its number.
            self._db.execute(f"PRAGMA synchronous={level} -- {next(self._numbers)}")
            self._durable = durable
        self._db.execute("BEGIN IMMEDIATE")
        return self

    def __enter__(self) -> None:
        """Let it go on."""

    def __exit__(self, kind: Any, *_: object) -> None:
        if kind is None:
            try:
                self._db.execute("COMMIT")
                return
            except sqlite3.Error:
                self._rollback()
                raise
        self._rollback()

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _row(b: Batch) -> tuple[Any, ...]:
    *values, members, alive, lost, supposed = _VALUES(b)
    return *map(_kept, values), f"{members:x}", f"{alive:x}", f"{lost:x}", supposed


def _kept(value: Any) -> Any:
    """Return what the file takes for `value`: half characters, as ads may hold them, are written out."""
    if isinstance(value, str) and not value.isascii():
        return value.encode(errors="backslashreplace").decode()
    return value


def _batch(row: tuple[Any, ...]) -> Batch:
    values: Mapping[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    known: dict[str, Any] = {c: int(v, 16) if c in _BITS else v for c, v in values.items()}
    return Batch(**known | {"supposed": bool(values["supposed"])})


def _add_columns(db: sqlite3.Connection) -> None:
    """Give the table of an earlier release the columns that it does not have."""
    if not any(row[1] == "supposed" for row in db.execute("PRAGMA table_info(batch)")):
        db.execute(f"ALTER TABLE batch ADD COLUMN {_SUPPOSED}")


def _take_over(db: sqlite3.Connection) -> None:
    """Take over the table of a ledger that has remembered submissions only.

    Intents stay what they are. Whether the pilots of the others still live nobody has written down: those
    that do are found by their marks when their schedd first answers, and taken into the book.
    """
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'submission'").fetchone():
        return
    rows = db.execute(
        "SELECT tag, queue, target, n, intended, state, cluster, sent FROM submission"
    ).fetchall()
    states = {"intended": "intended", "confirmed": "old"}
    for tag, queue, target, n, intended, state, cluster, sent in rows:
        number = n if state == "intended" else sent or 0
        # Without a mark: that is how their pilots look.
        batch = Batch(tag, queue, spelling.schedd(target), "", number, intended=intended)
        values = (*_row(batch)[:10], states.get(state, "closed"), cluster or "", "0", "0", "0", 0)
        db.execute(_PUT.replace("REPLACE", "IGNORE"), values)
    db.execute("DROP TABLE submission")
    log.info("the ledger was taken over: %d submissions", len(rows))
