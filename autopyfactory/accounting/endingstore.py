"""The endings of the last hour on disk (SQLite), so that a factory that starts again knows them.

It is for explanations and for rules that look back: the book does not depend on it, and a file that cannot be
written costs nothing but that memory.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from autopyfactory.accounting.lately import USUAL, WINDOW
from autopyfactory.external.privatefiles import create
from autopyfactory.external.setahead import SetAhead
from autopyfactory.model.ending import Account, Ending

log = logging.getLogger("autopyfactory.endings")

AHEAD = 86400.0  # seconds that a schedd's clock may be ahead; what it tells of later times is not kept
KEEP = 7 * 86400.0  # seconds that the last ones of a queue are kept
_FIELDS = tuple(f.name for f in fields(Ending) if f.name != "account")
_ACCOUNT = tuple(f.name for f in fields(Account))
VERSION = len(_FIELDS) * 100 + len(_ACCOUNT)  # rows of another shape are of another release: they are dropped
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ending (
    tag TEXT NOT NULL, job TEXT NOT NULL, queue TEXT NOT NULL, at REAL NOT NULL, complete INTEGER NOT NULL,
    data TEXT NOT NULL, PRIMARY KEY (tag, job)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ending_at ON ending (at);
"""
_LATEST = "SELECT MAX(at) FROM ending WHERE at <= ?"  # of later ones a schedd's clock is wrong
# Outside the window only the last ones of each queue stay, and those not for ever.
_PRUNE = """
DELETE FROM ending WHERE at < :old OR at > :ahead OR (at < :window AND (tag, job) IN (
    SELECT tag, job FROM (
        SELECT tag, job, row_number() OVER (PARTITION BY queue ORDER BY at DESC) AS n FROM ending)
    WHERE n > :last))
"""


class EndingStore:
    """The file; used by any thread."""

    def __init__(self, path: Path, ahead: SetAhead | None = None):
        """Open the file, or make it; one that cannot be used is said so, and nothing is kept.

        While `ahead` doubts the clock nothing is dropped: by default it believes what services say.
        """
        self._ahead = ahead if ahead is not None else SetAhead()
        self._lock = threading.Lock()
        self._troubled = False
        self._db: sqlite3.Connection | None = None
        try:
            create(path)
            self._db = self._open(path)
            self._ahead.said(self._db.execute(_LATEST, (time.time(),)).fetchone()[0])
        except (OSError, sqlite3.Error) as err:
            log.warning("endings of pilots are not kept over a restart: %s: %s", path, err)

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=OFF")  # a power cut may cost the last ones
        if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
            db.execute("DROP TABLE IF EXISTS ending")
            db.execute(f"PRAGMA user_version={VERSION}")
        db.executescript(_SCHEMA)
        return db

    def put(self, endings: Sequence[Ending], *, complete: bool) -> None:
        """Keep these; `complete`: with what the pilots say themselves, as far as that can be had."""
        rows = [(e.tag, e.job, e.queue, e.at, int(complete), _text(e)) for e in endings]
        self._do("INSERT OR REPLACE INTO ending VALUES (?, ?, ?, ?, ?, ?)", rows)

    def prune(self, now: float) -> None:
        """Drop what is too old at `now`, unless the clock that says so may be wrong."""
        if self._ahead.doubt(now):
            return
        self._do(_PRUNE, [{"old": now - KEEP, "ahead": now + AHEAD, "window": now - WINDOW, "last": USUAL}])

    def load(self) -> Iterator[tuple[Ending, bool]]:
        """Yield what is kept, the oldest first, and whether it is complete."""
        rows: list[tuple[str, int]] = []
        with self._lock:
            try:
                if self._db is not None:
                    rows = self._db.execute("SELECT data, complete FROM ending ORDER BY at").fetchall()
            except sqlite3.Error as err:
                log.warning("the endings of pilots that were kept cannot be read: %s", err)
        for data, complete in rows:
            try:
                yield _ending(data), bool(complete)
            except (ValueError, TypeError) as err:
                log.warning("an ending that was kept cannot be read: %s", err)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def _do(self, statement: str, rows: Iterable[Any]) -> None:
        with self._lock:
            if self._db is None:
                return
            try:
                self._db.execute("BEGIN")
                self._db.executemany(statement, rows)
                self._db.execute("COMMIT")
                self._troubled = False
            except (sqlite3.Error, ValueError) as err:  # the second: text that is none
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                if not self._troubled:
                    log.warning("endings of pilots are not kept for now: %s", err)
                self._troubled = True


def _text(e: Ending) -> str:
    account = [getattr(e.account, name) for name in _ACCOUNT] if e.account else None
    return json.dumps([[getattr(e, name) for name in _FIELDS], account])


def _ending(text: str) -> Ending:
    values, account = json.loads(text)
    known = dict(zip(_FIELDS, values, strict=True))
    return Ending(**known, account=Account(*account) if account else None)
