"""What this factory sent: intent before, confirmation after, so that no pilot is lost or sent twice.

An intent is durable before anything is sent. It stays *unresolved* until the schedd's answer confirms it, or
until a look-up by its tag finds the pilots (adopted) or finds, twice, that there are none (forgotten). While
unresolved it counts as that many pending pilots. A confirmed submission counts as pending until a snapshot
that was asked for after the confirmation shows it. Everything else is the schedd's to know.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autopyfactory.accounting.unseen import Book, Intent
from autopyfactory.external import privatefiles
from autopyfactory.model.clock import Clock, SystemClock

log = logging.getLogger("autopyfactory.ledger")

SETTLE = 3.0  # seconds between the two look-ups that must both find nothing before an intent is forgotten
KEEP_SECONDS = 7 * 86400  # how long resolved rows stay, for people to look at

_SCHEMA = """
CREATE TABLE IF NOT EXISTS submission (
    tag TEXT PRIMARY KEY, queue TEXT NOT NULL, target TEXT NOT NULL, n INTEGER NOT NULL,
    intended REAL NOT NULL, state TEXT NOT NULL DEFAULT 'intended', cluster TEXT, sent INTEGER);
CREATE INDEX IF NOT EXISTS submission_queue ON submission (queue, intended);
CREATE INDEX IF NOT EXISTS submission_state ON submission (state) WHERE state = 'intended';
CREATE TABLE IF NOT EXISTS total (queue TEXT PRIMARY KEY, sent INTEGER NOT NULL);
"""


class LedgerError(Exception):
    """The file cannot be used, and without it nothing may be sent."""


class Ledger:
    """The durable record of submissions; one per factory, shared by its queue threads.

    `lock` is held while the file is written, and by callers that must see counts and write an intent as one
    act (reservations). Counts alone are told from memory: no cycle waits for another one's disk.
    """

    def __init__(self, path: Path, clock: Clock | None = None):
        """Open the file, or make it. Raises LedgerError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock or SystemClock()
        self.lock = threading.RLock()
        try:
            self._open(path)
        except (sqlite3.Error, OSError) as err:
            raise LedgerError(
                f"the ledger {path} cannot be used: {err}. It tells what was sent; see to disk and "
                "permissions. If the file is lost, move it away: the factory starts with an empty one, does "
                "not look up a submission that was cut off, and counts the pilots ever sent from 0"
            ) from err

    def _open(self, path: Path) -> None:
        privatefiles.create(path)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.executescript(_SCHEMA)
        self._book = Book()
        for tag, queue, target, n in self._db.execute(
            "SELECT tag, queue, target, n FROM submission WHERE state = 'intended'"
        ):
            self._book.begin(Intent(tag, queue, target, n, adopted=True))
        self._totals: dict[str, int] = dict(self._db.execute("SELECT queue, sent FROM total"))
        self._earlier: list[tuple[str, str, int]] = self._db.execute(
            "SELECT target, queue, sum(sent) FROM submission WHERE state = 'confirmed' GROUP BY target, queue"
        ).fetchall()
        self.prune()

    def close(self) -> None:
        """Close the file; intents that are unresolved stay in it."""
        with self.lock:
            self._db.close()

    @contextlib.contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[None]:
        # Only intents need to survive a power cut: a lost confirmation is found again by its tag.
        self._db.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def intend(self, queue: str, target: str, n: int) -> Intent:
        """Write down that `n` pilots are about to be sent for `queue`; durable on return.

        Raises sqlite3.Error when that cannot be written: then nothing may be sent.
        """
        intent = Intent(uuid.uuid4().hex, queue, target, n)
        with self.lock:
            with self._transaction(durable=True):
                self._db.execute(
                    "INSERT INTO submission (tag, queue, target, n, intended) VALUES (?, ?, ?, ?, ?)",
                    (intent.tag, queue, target, n, self._clock.now().timestamp()),
                )
            self._book.begin(intent)
        return intent

    def confirm(self, intent: Intent, cluster: str, sent: int) -> None:
        """Write down that the pilots of `intent` are in the schedd's queue."""
        with self.lock:
            self._book.confirm(intent, sent, self._clock.monotonic())
            self._totals[intent.queue] = self._totals.get(intent.queue, 0) + sent
            self._write_outcome(
                (
                    "UPDATE submission SET state = 'confirmed', cluster = ?, sent = ? WHERE tag = ?",
                    (cluster, sent, intent.tag),
                ),
                (
                    "INSERT INTO total VALUES (?, ?) ON CONFLICT (queue) DO UPDATE SET sent = sent + ?",
                    (intent.queue, sent, sent),
                ),
            )

    def forget(self, intent: Intent) -> None:
        """Write down that the pilots of `intent` were certainly not sent."""
        with self.lock:
            self._book.drop(intent)
            self._write_outcome(("UPDATE submission SET state = 'none' WHERE tag = ?", (intent.tag,)))

    def _write_outcome(self, *statements: tuple[str, tuple[Any, ...]]) -> None:
        """Write how an intent ended. If that fails (disk full) the row stays, and a restart looks it up."""
        try:
            with self._transaction(durable=False):
                for text, values in statements:
                    self._db.execute(text, values)
        except sqlite3.Error as err:
            log.warning("the ledger cannot be written, a restart will look the pilots up: %s", err)

    def found_nothing(self, intent: Intent) -> bool:
        """Note that a look-up found no pilots of `intent`; return whether it may be forgotten now.

        The first look-up may come before a schedd has worked off what it was sent, so two are needed,
        `SETTLE` seconds apart.
        """
        now = self._clock.monotonic()
        if intent.nothing_found_at is None:
            intent.nothing_found_at = now
            return False
        if now - intent.nothing_found_at < SETTLE:
            return False
        self.forget(intent)
        return True

    def unresolved(self, queue: str) -> list[Intent]:
        """Return the intents of `queue` whose outcome is not known."""
        return self._book.unresolved(queue)

    def unseen(self, target: str, since: float, queue: str | None = None) -> int:
        """Return how many pilots a snapshot of `target`, asked for at monotonic time `since`, cannot show.

        Of one queue, or of all.
        """
        return self._book.unseen(target, since, queue)

    def at_most(self, target: str, queue: str | None = None) -> int:
        """Return how many pilots can be at `target`, of one queue or of all, while nobody has counted them.

        All that were sent there within `KEEP_SECONDS`, whether they have ended or not.
        """
        earlier = sum(n for t, q, n in self._earlier if t == target and queue in (None, q))
        return earlier + self._book.unseen(target, float("-inf"), queue)

    def sent_between(self, target: str, since: float, until: float) -> dict[str, int]:
        """Return the pilots per queue whose sending to `target` was confirmed from `since` to `until`."""
        return self._book.sent_between(target, since, until)

    def sent_since(self, queue: str, seconds: float) -> int:
        """Return how many pilots were sent for `queue` in the last `seconds`, by the wall clock."""
        limit = self._clock.now().timestamp() - seconds
        with self.lock:
            (sent,) = self._db.execute(
                "SELECT coalesce(sum(sent), 0) FROM submission WHERE queue = ? AND intended >= ?",
                (queue, limit),
            ).fetchone()
        return int(sent)

    def total(self, queue: str) -> int:
        """Return how many pilots were ever sent for `queue`."""
        return self._totals.get(queue, 0)

    def seen(self, target: str, since: float) -> None:
        """Drop from memory what every snapshot of `target` asked for from `since` on will show."""
        self._book.seen(target, since)

    def prune(self) -> None:
        """Delete resolved rows older than a week."""
        limit = self._clock.now().timestamp() - KEEP_SECONDS
        with self.lock, self._transaction(durable=False):
            self._db.execute("DELETE FROM submission WHERE state != 'intended' AND intended < ?", (limit,))
