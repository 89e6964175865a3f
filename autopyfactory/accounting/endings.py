"""The one stream of endings: read once per schedd, with a cursor in the ledger, for all who need them.

A schedd's reader calls `take`, on the poll's thread: what is new is kept on disk. Threads of the stream read
what the pilots wrote, within a time limit, remember how they fared, and tell the listeners.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from autopyfactory.accounting.endingstore import EndingStore
from autopyfactory.accounting.lately import WINDOW, Lately, Memory
from autopyfactory.accounting.pilotwords import with_words
from autopyfactory.accounting.requests import NoAnswer
from autopyfactory.model.ending import Ending, Start

log = logging.getLogger("autopyfactory.endings")

Listener = Callable[[Sequence[Ending]], None]

KNOWN = 50_000  # endings that are known when they are told again
PATIENCE = 5.0  # seconds to read what the pilots of one answer have written
TIDY = 600.0  # seconds between two looks for what is too old


class EndingStream:
    """Where endings come in, in the order in which pilots left, and go to whoever listens.

    Each pilot of ours is told of once; one that ended while no factory ran is told of late: its `at` says
    when it was. Listeners are called on a thread of the stream, never on a queue's.
    """

    def __init__(
        self, store: EndingStore | None = None, words: Callable[[Ending], Ending] = with_words
    ) -> None:
        self._store = store
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._memory = Memory()
        self._new: queue.SimpleQueue[list[Ending] | None] = queue.SimpleQueue()
        self._reader = _Reader(words)
        self._readings: dict[str, tuple[float | None, str | None]] = {}  # by target
        self._thread: threading.Thread | None = None
        self._closed = False
        self._tidied = time.monotonic()
        if store is not None:
            self._restore(store)

    def _restore(self, store: EndingStore) -> None:
        whole: list[Ending] = []
        half: list[Ending] = []
        for e, complete in store.load():
            self._is_new(e)
            (whole if complete else half).append(e)
        self._memory.ended(whole)
        self._memory.forget(time.time() - WINDOW)
        if half:
            self._new.put(half)

    # --- for those who need endings ---------------------------------------------------------------

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with endings that are new from now on. It must return at once."""
        self._listeners.append(listener)

    def of(self, queue: str) -> Lately:
        """Return how the pilots of `queue` fared lately. Returns at once."""
        return self._memory.of(queue)

    def starts_at(self, queue: str, since: float) -> Counter[str]:
        """Return how many pilots of `queue` have started since this Unix time, by CE in its one spelling."""
        return self._memory.starts_at(queue, since)

    @property
    def queues(self) -> tuple[str, ...]:
        """Return the queues of which pilots are known."""
        return self._memory.queues

    def reading(self, target: str) -> tuple[float | None, str | None]:
        """Return when the endings of `target` were last asked for (monotonic), and what is wrong now.

        `target` as the plugin that asks says it. None: never with success; nothing.
        """
        return self._readings.get(target, (None, None))

    # --- where they come in -----------------------------------------------------------------------

    def take(self, endings: Sequence[Ending], starts: Sequence[Start] = ()) -> None:
        """Keep what a schedd told; what was told before does no harm. Called on the poll's thread.

        A stream that has not been started tells of them at once, on this thread. Raises NoAnswer when it is
        closed: they are to be told to the next life.
        """
        if self._closed:
            raise NoAnswer("endings are not taken any more")
        with self._lock:
            fresh = [e for e in endings if self._is_new(e)]
        self._memory.started(starts)
        if not fresh:
            return
        if self._store is not None:
            self._store.put(fresh, complete=False)
        self._new.put(fresh)
        if self._thread is None:
            self.pump()

    def was_read(self, target: str, asked: float) -> None:
        """Note that `target` has answered what was asked at monotonic time `asked`."""
        self._readings[target] = (asked, None)

    def was_not_read(self, target: str, why: str) -> None:
        """Note that `target` did not answer."""
        self._readings[target] = (self._readings.get(target, (None, None))[0], why)

    def _is_new(self, e: Ending) -> bool:
        key = (e.tag, e.job)
        new = key not in self._known
        self._known[key] = None
        self._known.move_to_end(key)  # a job that stays in the queue, complete, is told again and again
        while len(self._known) > KNOWN:
            self._known.popitem(last=False)
        return new

    def start(self) -> None:
        """Begin to tell."""
        if self._thread is None:
            self._reader.start()
            self._thread = threading.Thread(target=self._run, name="endings", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the threads to end; what waits is told by the next life."""
        self._new.put(None)
        self._reader.stop()

    def close(self) -> None:
        """Take nothing more, and close the file."""
        self._closed = True
        if self._store is not None:
            self._store.close()

    def pump(self, timeout: float = 0.0) -> bool:
        """Tell of the next answer's endings, when there are some within `timeout` seconds.

        Returns False when the stream has been stopped. Called by the thread, and by tests.
        """
        try:
            fresh = self._new.get(timeout=timeout) if timeout else self._new.get_nowait()
        except queue.Empty:
            return True
        if fresh is None:
            return False
        told = self._reader.read(fresh, PATIENCE)
        if self._store is not None:
            self._store.put(told, complete=True)
        self._memory.ended(told)
        self._tell(told)
        return True

    def _run(self) -> None:
        while self.pump(TIDY / 10):
            if time.monotonic() - self._tidied >= TIDY:
                self._tidied = time.monotonic()
                self._memory.forget(time.time() - WINDOW)
                if self._store is not None:
                    self._store.prune(time.time())

    def _tell(self, endings: Sequence[Ending]) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(endings)
            except Exception as err:  # whatever one of them does wrong is its own trouble
                log.exception("a listener to endings failed: %s", err)


class _Reader:
    """Reads pilots' files on a thread of its own: a file system that hangs costs their words only."""

    def __init__(self, words: Callable[[Ending], Ending]):
        self._words = words
        self._asked: queue.SimpleQueue[_Reading | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stuck: _Reading | None = None

    def start(self) -> None:
        """Begin; does nothing when it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pilots' files", daemon=True)
            self._thread.start()

    def read(self, endings: Sequence[Ending], patience: float) -> list[Ending]:
        """Return `endings` with what the pilots wrote; without it those that are not read in time.

        The latest are read first: they matter most.
        """
        if self._stuck is not None and not self._stuck.done.is_set():
            return list(endings)
        self.start()
        reading = _Reading(list(endings))
        self._asked.put(reading)
        if reading.done.wait(patience):
            if self._stuck is not None:
                log.info("what pilots wrote can be read again")
            self._stuck = None
        else:
            reading.given_up = True
            if self._stuck is None:
                log.warning("what pilots wrote cannot be read in time, it is not looked at: %s", reading.at)
            self._stuck = reading
        return [reading.found.get((e.tag, e.job), e) for e in endings]

    def stop(self) -> None:
        self._asked.put(None)

    def _run(self) -> None:
        while (reading := self._asked.get()) is not None:
            for e in reversed(reading.endings):
                if reading.given_up:
                    break
                reading.at = e.output
                try:
                    reading.found[e.tag, e.job] = self._words(e)
                except Exception:  # whatever a file holds, the others are read
                    log.exception("what pilot %s wrote cannot be read", e.job)
            reading.done.set()


class _Reading:
    """One order to read."""

    def __init__(self, endings: list[Ending]):
        self.endings = endings
        self.found: dict[tuple[str, str], Ending] = {}
        self.at = ""  # the file that is being read
        self.given_up = False
        self.done = threading.Event()
