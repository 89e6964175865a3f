"""The book of pilots on disk (`ledgerfile`), and one thread that writes it.

Who must be sure that a line is safe waits for its commit; all that wait at one moment are written in one. So
a disk that takes long for each fsync makes everybody wait once, and not one after the other. What need not be
safe at once is written soon, with something that must be if that comes; what cannot be written is tried again
with the next, and what a crash loses of it is found out again from the places themselves.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autopyfactory.accounting.anchor import Anchor
from autopyfactory.accounting.book import REMEMBER, Batch, Book
from autopyfactory.accounting.ledgerfile import LedgerFile
from autopyfactory.accounting.place import Place, Places
from autopyfactory.accounting.requests import NoAnswer, NotDone, Write
from autopyfactory.external.setahead import SetAhead
from autopyfactory.model.clock import Clock, SystemClock

log = logging.getLogger("autopyfactory.ledger")

KEEP_SECONDS = 7 * 86400  # how long closed lines stay, for people to look at and to know strangers by
DAY = 86400.0
RECENT = 7200.0  # seconds that submissions are remembered in memory, for rules that look back
PATIENCE = 30.0  # seconds to wait for a commit
SOON = 0.05  # seconds that what need not be safe at once waits for something that must be
AGAIN = 5.0  # seconds until what could not be written is tried again


class LedgerError(Exception):
    """The file cannot be used, and without it nothing may be sent."""


@dataclass(eq=False)
class _Waiting:
    """Somebody who waits for a commit."""

    request: Write
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


class Ledger:
    """The book on disk; one per factory."""

    def __init__(self, path: Path, clock: Clock | None = None, ahead: SetAhead | None = None):
        """Open the file, or make it. Raises LedgerError.

        While `ahead` doubts the clock no old lines are deleted: by default it believes what services say.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock or SystemClock()
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
            self.file = LedgerFile(path)
            self._look_back()
        except (OSError, sqlite3.Error) as err:
            raise LedgerError(
                f"the ledger {path} cannot be used: {err}. It tells what was sent; see to disk and "
                "permissions. If the file is lost, move it away: the factory starts with an empty one, takes "
                "over the pilots that it finds, and counts the pilots ever sent from 0"
            ) from err
        self._anchor = Anchor([path.parent, path])
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    @property
    def mark(self) -> str:
        """What tells this book from others: pilots carry it."""
        return self.file.mark

    def _look_back(self) -> None:
        """Learn what was sent lately, and how far the clock was."""
        self._note_sent(self.file.sent_since(self._clock.now().timestamp() - RECENT))
        self._ahead.said(self.file.last())
        self.prune()

    # --- reading --------------------------------------------------------------------------------

    def restore(self) -> tuple[Book, Places]:
        """Return the book as it is on disk, and the places."""
        return self.file.restore()

    def recall(self, tags: Iterable[str]) -> dict[str, str | None]:
        """Return which `tags` have a line, with their clusters; None: never sent. Raises NoAnswer."""
        try:
            return self.file.recall(tags)
        except sqlite3.Error as err:
            raise NoAnswer(str(err)) from err

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
        self.file.close()

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
            self.file.write(lines, requests, durable=durable)
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
        self.file.delete_closed(now - KEEP_SECONDS)


def _merge(into: dict[str, Batch], lines: Iterable[Batch]) -> None:
    """Put lines into `into`, but none that is older than the one there: copies may come late."""
    for b in lines:
        known = into.get(b.tag)
        if known is None or b.revision >= known.revision:
            into[b.tag] = b
