"""How the pilots of each queue ended, counted by hour, by day and ever: for the worst queues and for metrics.

Kept in a small file of its own (SQLite): a week of 10,000 queues would be too much in memory. It is for
people: the book does not depend on it, and a file that cannot be written costs nothing but these counts.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from autopyfactory.external.privatefiles import create
from autopyfactory.external.setahead import SetAhead
from autopyfactory.model.ending import Ending

log = logging.getLogger("autopyfactory.endings")

HOUR, DAY = 3600, 86400
EVER = 0  # the width of a row that counts since this file was made
HOURS_KEPT, DAYS_KEPT = 50 * HOUR, 9 * DAY  # seconds
TIDY = 600.0  # seconds between two looks for what is too old


@dataclass(frozen=True, slots=True)
class Tally:
    """How pilots of one queue ended. Those that were taken back before they started are not counted.

    `well`, `empty`, `short`, `failed` and `removed` are all of them, each once: a short one ended well
    within a minute. `unstarted` and `unfit` are parts of the failed ones; `held` were held at some time.
    """

    queue: str
    ended: int = 0
    well: int = 0
    empty: int = 0
    short: int = 0
    failed: int = 0
    removed: int = 0
    unstarted: int = 0  # never began to run
    unfit: int = 0  # a check found their node unfit or faulty
    held: int = 0
    seconds: float = 0.0  # that they ran
    wasted: float = 0.0  # of these, by failed and empty ones

    @property
    def hours(self) -> float:
        """Return the hours that they ran."""
        return self.seconds / HOUR

    @property
    def wasted_hours(self) -> float:
        """Return the hours that failed and empty ones ran."""
        return self.wasted / HOUR

    def percent(self, name: str) -> float | None:
        """Return how many per cent of those that ended a count is, or of the hours for `wasted`."""
        part, whole = (self.wasted, self.seconds) if name == "wasted" else (getattr(self, name), self.ended)
        return 100 * part / whole if whole else None


COUNTS = tuple(f.name for f in fields(Tally) if f.name != "queue")
OUTCOMES = ("well", "empty", "short", "failed", "removed")
VERSION = 1
_COLUMNS = ", ".join(f"{name} REAL NOT NULL" for name in COUNTS)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS tally (
    width INTEGER NOT NULL, since INTEGER NOT NULL, queue TEXT NOT NULL, {_COLUMNS},
    PRIMARY KEY (width, since, queue)) WITHOUT ROWID;
"""
_ADD = (
    f"INSERT INTO tally VALUES (?, ?, ?{', ?' * len(COUNTS)})"
    f" ON CONFLICT DO UPDATE SET {', '.join(f'{name} = {name} + excluded.{name}' for name in COUNTS)}"
)
_SUMS = ", ".join(f"SUM({name})" for name in COUNTS)
_SINCE = f"SELECT queue, {_SUMS} FROM tally WHERE width = ? AND since >= ? GROUP BY queue"
_LATEST = "SELECT MAX(since) FROM tally WHERE width = ?"
_EVER = f"SELECT queue, {', '.join(COUNTS)} FROM tally WHERE width = {EVER}"


def counted(e: Ending) -> Tally | None:
    """Return the ending of one pilot as counts; None for one that was taken back."""
    if e.outcome == "taken back":
        return None
    short = e.short and not e.empty
    return Tally(
        e.queue,
        ended=1,
        well=int(e.good and not e.empty and not short),
        empty=int(e.empty),
        short=int(short),
        failed=int(e.bad),
        removed=int(e.outcome == "removed"),
        unstarted=int(e.bad and e.started is None and not e.wall),
        unfit=int(e.bad and e.account is not None and e.account.outcome in ("unfit", "node-fault")),
        held=int(bool(e.hold_reason)),
        seconds=e.wall,
        wasted=e.wall if e.bad or e.empty else 0.0,
    )


def added(tallies: Iterable[Tally]) -> dict[str, Tally]:
    """Return the sum of these by queue."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(COUNTS))
    for t in tallies:
        its = sums[t.queue]
        for i, name in enumerate(COUNTS):
            its[i] += getattr(t, name)
    return {queue: _tally(queue, its) for queue, its in sums.items()}


class TallyStore:
    """The file; a listener of the stream of endings. Used by any thread."""

    def __init__(self, path: Path, ahead: SetAhead | None = None):
        """Open the file, or make it; one that cannot be used is said so, and nothing is counted.

        While `ahead` doubts the clock nothing is deleted: by default it believes what services say.
        """
        self._path = path
        self._lock = threading.Lock()
        self._troubled = False
        self._db: sqlite3.Connection | None = None
        self._ever: dict[str, Tally] = {}
        self._tidied = float("-inf")  # monotonic
        self._ahead = ahead if ahead is not None else SetAhead()
        try:
            create(path)
            self._db = _opened(path)
            self._ever = {row[0]: _tally(row[0], row[1:]) for row in self._db.execute(_EVER)}
            self._ahead.said(self._db.execute(_LATEST, (HOUR,)).fetchone()[0])
        except (OSError, sqlite3.Error) as err:
            log.warning("how pilots ended is not counted: %s: %s", path, err)

    def note(self, endings: Sequence[Ending]) -> None:
        """Count these."""
        now = time.time()
        found = [(min(e.at, now), one) for e in endings if (one := counted(e)) is not None]
        spans: dict[tuple[int, int], list[Tally]] = defaultdict(list)
        for at, one in found:
            for width, since in ((HOUR, int(at) // HOUR * HOUR), (DAY, int(at) // DAY * DAY), (EVER, 0)):
                spans[width, since].append(one)
        rows = [
            (width, since, queue, *(getattr(t, name) for name in COUNTS))
            for (width, since), its in spans.items()
            for queue, t in added(its).items()
        ]
        with self._lock:
            for queue, news in added(one for _, one in found).items():
                known = self._ever.get(queue)
                self._ever[queue] = added([known, news])[queue] if known is not None else news
            self._put(rows, now)

    def _put(self, rows: Sequence[tuple[object, ...]], now: float) -> None:
        if self._db is None:
            return
        try:
            self._db.execute("BEGIN")
            self._db.executemany(_ADD, rows)
            if time.monotonic() - self._tidied > TIDY:
                self._tidy(self._db, now)
            self._db.execute("COMMIT")
            self._troubled = False
        except (sqlite3.Error, ValueError) as err:  # the second: text that is none
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if not self._troubled:
                log.warning("how pilots ended is not counted for now: %s", err)
            self._troubled = True

    def _tidy(self, db: sqlite3.Connection, now: float) -> None:
        """Drop what is too old at `now`, unless the clock may be wrong."""
        self._tidied = time.monotonic()
        if self._ahead.doubt(now):
            return
        for width, kept in ((HOUR, HOURS_KEPT), (DAY, DAYS_KEPT)):
            db.execute("DELETE FROM tally WHERE width = ? AND since < ?", (width, now - kept))

    def ends(self, queue: str) -> Mapping[str, int]:
        """Return how many pilots of `queue` ended how since the file was made, by OUTCOMES."""
        known = self._ever.get(queue)
        return {name: getattr(known, name) for name in OUTCOMES} if known is not None else {}

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None:
                self._db.close()
                self._db = None


def since(path: Path, hours: float, now: float | None = None) -> list[Tally]:
    """Return the counts of the last `hours` from the file at `path`, whoever writes it. Raises OSError.

    Whole hours up to two days back, whole days (UTC) beyond: the first of them counts from its beginning.
    """
    now = time.time() if now is None else now
    width = HOUR if hours * HOUR <= HOURS_KEPT - HOUR else DAY
    begin = int(now - hours * HOUR) // width * width
    path.stat()  # a reader makes no file
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            return [_tally(row[0], row[1:]) for row in db.execute(_SINCE, (width, begin))]
        finally:
            db.close()
    except sqlite3.Error as err:
        raise OSError(f"{path} cannot be read: {err}") from err


def _tally(queue: str, values: Sequence[float]) -> Tally:
    *counts, seconds, wasted = values  # in the order of COUNTS
    return replace(Tally(queue, *map(int, counts)), seconds=seconds, wasted=wasted)


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=OFF")  # a power cut may cost the last ones
    if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        db.execute("DROP TABLE IF EXISTS tally")
        db.execute(f"PRAGMA user_version={VERSION}")
    db.executescript(_SCHEMA)
    return db
