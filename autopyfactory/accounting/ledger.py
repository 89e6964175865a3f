"""The book of pilots on disk (SQLite), and one thread that writes it.

Who must be sure that a line is safe waits for its commit; all that wait at one moment are written in one. So
a disk that takes long for each fsync makes everybody wait once, and not one after the other. What need not be
safe at once is written soon, with something that must be if that comes; what cannot be written is tried again
with the next, and what a crash loses of it is found out again from the places themselves.
"""

from __future__ import annotations

import itertools
import json
import logging
import sqlite3
import threading
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from autopyfactory.accounting import spelling
from autopyfactory.accounting.anchor import Anchor
from autopyfactory.accounting.book import REMEMBER, Batch, Book
from autopyfactory.accounting.place import Place, Places
from autopyfactory.accounting.requests import NoAnswer, NotDone, Write
from autopyfactory.external import privatefiles
from autopyfactory.external.setahead import SetAhead
from autopyfactory.model.clock import Clock, SystemClock

log = logging.getLogger("autopyfactory.ledger")

KEEP_SECONDS = 7 * 86400  # how long closed lines stay, for people to look at and to know strangers by
DAY = 86400.0
RECENT = 7200.0  # seconds that submissions are remembered in memory, for rules that look back
PATIENCE = 30.0  # seconds to wait for a commit
SOON = 0.05  # seconds that what need not be safe at once waits for something that must be
AGAIN = 5.0  # seconds until what could not be written is tried again
VERSION = 2

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


class LedgerError(Exception):
    """The file cannot be used, and without it nothing may be sent."""


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for a commit."""

    request: Write
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


class Ledger:
    """The file; one per factory."""

    def __init__(self, path: Path, clock: Clock | None = None, ahead: SetAhead | None = None):
        """Open the file, or make it. Raises LedgerError.

        While `ahead` doubts the clock no old lines are deleted: by default it believes what services say.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()  # the connection's
        self._change = threading.Condition()
        self._durable: list[_Waiting] = []
        self._lines: dict[str, Batch] = {}  # what is to be written when there is time
        self._written: OrderedDict[str, int] = OrderedDict()  # revisions of the lines written last, by tag
        self._places: dict[str, Place] = {}
        self._aliases: dict[str, str] = {}
        self._sent: dict[str, dict[str, tuple[float, int]]] = {}  # lately, by queue and tag: when, how many
        self._stopping = False
        self._busy = False
        self._troubled = False
        self._next_prune = 0.0
        self._ahead = ahead if ahead is not None else SetAhead(monotonic=self._clock.monotonic)
        try:
            privatefiles.create(path)
            self._open(path)
        except (OSError, sqlite3.Error) as err:
            raise LedgerError(
                f"the ledger {path} cannot be used: {err}. It tells what was sent; see to disk and "
                "permissions. If the file is lost, move it away: the factory starts with an empty one, takes "
                "over the pilots that it finds, and counts the pilots ever sent from 0"
            ) from err
        self._anchor = Anchor([path.parent, path])
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def _open(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(_SCHEMA)
        self._transactions = _Transactions(self._db)
        with self._transactions.begin(durable=True):
            self._db.execute("INSERT OR IGNORE INTO book VALUES ('mark', ?)", (uuid.uuid4().hex,))
            self._db.execute("INSERT OR REPLACE INTO book VALUES ('version', ?)", (str(VERSION),))
            _add_columns(self._db)
            _take_over(self._db)
        (self.mark,) = self._db.execute("SELECT value FROM book WHERE key = 'mark'").fetchone()
        oldest = self._clock.now().timestamp() - RECENT
        rows = self._db.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM batch WHERE state != 'intended' AND intended >= ?", (oldest,)
        )
        self._note_sent(map(_batch, rows))
        self._ahead.said(self._db.execute("SELECT MAX(intended) FROM batch").fetchone()[0])
        self.prune()

    # --- reading --------------------------------------------------------------------------------

    def restore(self) -> tuple[Book, Places]:
        """Return the book as it is on disk, and the places."""
        book, places = Book(self.mark), Places()
        with self._lock:
            places.aliases.update(self._db.execute("SELECT name, place FROM alias"))
            for name, identity, cursor, spec in self._db.execute(
                "SELECT name, identity, cursor, spec FROM place"
            ):
                if places.resolve(name) == name:  # else it is only another name, by now
                    place = places.get(name)
                    place.identity, place.cursor, place.spec = identity, cursor, spec
            rows = self._db.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM batch WHERE state IN ('intended', 'sent') OR lost != '0'"
            )
            for row in rows:
                batch = _batch(row)
                batch.place = places.home_of(batch)
                book.load(batch)
            book.sent.update(dict(self._db.execute("SELECT queue, sent FROM total")))
        return book, places

    def recall(self, tags: Iterable[str]) -> dict[str, str]:
        """Return which `tags` have a line of pilots that were sent, with their clusters. Raises NoAnswer."""
        known: dict[str, str] = {}
        try:
            with self._lock:
                for tag in tags:
                    query = "SELECT cluster FROM batch WHERE tag = ? AND n > 0 AND state != 'old'"
                    if row := self._db.execute(query, (_kept(tag),)).fetchone():
                        known[tag] = str(row[0])
        except sqlite3.Error as err:
            raise NoAnswer(str(err)) from err
        return known

    def sent_since(self, queue: str, seconds: float) -> int:
        """Return how many pilots were sent for `queue` in the last `seconds` (two hours at most).

        By the wall clock, and from memory: cycles ask, and must not wait for the disk.
        """
        limit = self._clock.now().timestamp() - seconds
        with self._change:
            return sum(n for at, n in self._sent.get(queue, {}).values() if at >= limit)

    # --- writing --------------------------------------------------------------------------------

    def write(self, request: Write) -> None:
        """Keep what is asked for. Returns when it is safe, if it is `durable`; else at once.

        Raises NotDone when it certainly was not written, NoAnswer when that is not known. What is not
        durable never fails: it is tried again until it is written.
        """
        waiting = _Waiting(request) if request.durable else None
        with self._change:
            if self._stopping:
                raise NotDone("the ledger is closed")
            self._note_sent(request.lines)
            idle = not self._pending
            if waiting is not None:
                self._durable.append(waiting)
            else:
                self._note(request)
            if idle or waiting is not None:
                self._change.notify_all()
        if waiting is None:
            return
        if not waiting.done.wait(PATIENCE):
            with self._change:
                if waiting in self._durable:  # nobody has begun with it
                    self._durable.remove(waiting)
                    raise NotDone(f"the disk has been busy for {PATIENCE:.0f} s")
            raise NoAnswer(f"the disk did not answer within {PATIENCE:.0f} s")
        if waiting.error is not None:
            raise NotDone(str(waiting.error)) from waiting.error

    def _note(self, request: Write) -> None:
        _merge(self._lines, request.lines)
        self._places.update((p.name, p) for p in request.places)
        self._aliases.update(request.aliases)

    def _note_sent(self, lines: Iterable[Batch]) -> None:
        oldest = self._clock.now().timestamp() - RECENT
        for b in lines:
            if b.state == "intended" or b.intended < oldest:
                continue
            of_queue = self._sent.setdefault(b.queue, {})
            of_queue[b.tag] = b.intended, b.n
            for tag in [t for t, (at, _) in of_queue.items() if at < oldest]:
                del of_queue[tag]

    def flush(self, timeout: float) -> bool:
        """Wait until all is written; False when that takes longer than `timeout` seconds."""
        with self._change:
            return self._change.wait_for(lambda: not self._pending and not self._busy, timeout)

    @property
    def _pending(self) -> bool:
        return bool(self._durable or self._lines or self._places)

    def close(self) -> None:
        """Write what waits, and close the file."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        self._thread.join(5)
        with self._lock:
            self._db.close()

    def _run(self) -> None:
        while True:
            with self._change:
                self._busy = False
                self._change.notify_all()
                if self._troubled and not self._durable:
                    self._change.wait_for(lambda: self._stopping or self._durable, AGAIN)
                else:
                    self._change.wait_for(lambda: self._stopping or self._pending, DAY / 24)
                    self._change.wait_for(lambda: self._stopping or self._durable, SOON)
                if self._stopping and (not self._pending or self._troubled):
                    self._refuse()
                    return
                self._busy = True
                waiting, self._durable = self._durable, []
                lines, self._lines = self._lines, {}
                places, self._places = self._places, {}
                aliases = dict(self._aliases)
            later = Write(tuple(lines.values()), tuple(places.values()), aliases)
            error = self._commit([later, *(w.request for w in waiting)], durable=bool(waiting))
            for one in waiting:
                one.error = error
                one.done.set()
            if error is not None:
                with self._change:  # what has come meanwhile is newer
                    _merge(lines, self._lines.values())
                    self._lines = lines
                    self._places = {**places, **self._places}
            self._prune_daily()

    def _refuse(self) -> None:
        for one in self._durable:
            one.error = OSError("the ledger is closed")
            one.done.set()
        self._durable.clear()

    def _commit(self, requests: list[Write], *, durable: bool) -> Exception | None:
        """Write in one transaction; return why that failed."""
        if durable and (lost := self._anchor.lost()):
            return LedgerError(lost)  # it could be written, and would not be there after a restart
        lines = self._newest(requests)
        try:
            with self._lock, self._transactions.begin(durable=durable):
                self._put_lines(lines)
                for request in requests:
                    self._put(request)
        except sqlite3.Error as err:
            if not self._troubled:
                log.error("the ledger cannot be written, nothing is sent until it can: %s", err)
            self._troubled = True
            return err
        if self._troubled:
            log.info("the ledger can be written again")
        self._troubled = False
        for b in lines:
            self._written[b.tag] = b.revision
            self._written.move_to_end(b.tag)
        while len(self._written) > REMEMBER:
            self._written.popitem(last=False)
        return None

    def _newest(self, requests: Iterable[Write]) -> list[Batch]:
        """Return the lines to write: none of which a newer copy is on disk, however late this one came."""
        lines: dict[str, Batch] = {}
        for request in requests:
            _merge(lines, request.lines)
        return [b for b in lines.values() if b.revision >= self._written.get(b.tag, 0)]

    def _put_lines(self, lines: Sequence[Batch]) -> None:
        for queue, n in self._news(lines).items():
            if n:
                self._db.execute(_PUT_TOTAL, (_kept(queue), n))
        for b in lines:
            self._db.execute(_PUT, _row(b))

    def _put(self, request: Write) -> None:
        for p in request.places:
            values = tuple(map(_kept, (p.name, p.identity, p.cursor, p.spec)))
            self._db.execute("INSERT OR REPLACE INTO place VALUES (?, ?, ?, ?)", values)
        for item in request.aliases.items():
            self._db.execute("INSERT OR REPLACE INTO alias VALUES (?, ?)", tuple(map(_kept, item)))

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

    def _prune_daily(self) -> None:
        if self._clock.monotonic() >= self._next_prune:
            try:
                self.prune()
            except sqlite3.Error as err:
                log.warning("old lines stay in the ledger for now: %s", err)

    def prune(self) -> None:
        """Delete lines that were closed and are older than a week, by a clock that can be believed."""
        now, mono = self._clock.now().timestamp(), self._clock.monotonic()
        if wrong := self._ahead.doubt(now):  # also after a standstill, until somebody answers
            self._next_prune = mono + DAY / 24
            log.info("no old lines are taken from the ledger for now: %s", wrong)
            return
        self._next_prune = mono + DAY
        limit = now - KEEP_SECONDS
        with self._lock, self._transactions.begin(durable=False):
            self._db.execute("DELETE FROM batch WHERE state IN ('closed', 'old') AND intended < ?", (limit,))


def _merge(into: dict[str, Batch], lines: Iterable[Batch]) -> None:
    """Put lines into `into`, but none that is older than the one there: copies may come late."""
    for b in lines:
        known = into.get(b.tag)
        if known is None or b.revision >= known.revision:
            into[b.tag] = b


class _Transactions:
    """All or nothing, one after the other. Only what somebody waits for has to survive a power cut."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db
        self._durable: bool | None = None  # as the last one was; None: not known
        self._numbers = itertools.count()

    def begin(self, *, durable: bool) -> _Transactions:
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


def spec_text(plugin: str, options: Mapping[str, Any]) -> str:
    """Return how a place is reached, as it is kept."""
    return json.dumps({"plugin": plugin, "options": dict(options)}, sort_keys=True)
