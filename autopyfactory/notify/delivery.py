"""Carries events to whoever reports them, without ever making the sender wait.

`report()` puts the event on a bounded queue and returns. A daemon thread delivers; a delivery that fails is
tried again after a growing pause, a bounded number of times. When the queue is full the oldest event goes.
Whatever is lost is counted and said, so that "nothing was reported" and "nothing happened" stay different.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from autopyfactory.model.record import Event

log = logging.getLogger(__name__)

BURST = 100  # events a second: so many let those who report get done first
LONGEST = 3  # times that a reporter lingers in a burst


@dataclass(frozen=True, slots=True)
class ReporterStatus:
    """How a reporter fares; counts are since it was made."""

    name: str
    queued: int  # events that wait, those of the running delivery included
    delivered: int
    dropped: int  # pushed out by newer ones: the queue was full
    lost: int  # given up after the last attempt, or at closing
    failures: int  # deliveries that failed, each attempt counted
    last_error: str | None  # None: the last attempt was good
    failing_since: datetime | None
    busy: float  # seconds that the running delivery has taken so far; 0: none runs


class BatchReporter:
    """Delivers events in order, up to `batch` of them at once.

    `deliver` gets 1..batch events and raises when it could not take them *all*; it runs on the reporter's
    own thread. An attempt that fails is repeated after `backoff` seconds, doubled each time up to
    `backoff_max`, in total `attempts` times (None: for ever); then these events are given up and the next
    ones tried. `capacity` bounds the events that wait, those of the running delivery not included.
    `linger` seconds pass before a delivery that is not full, so that it carries the events of many cycles,
    and several times as many in a burst: it stays out of the way of queues that are woken together.
    The thread starts with the first event: a reporter may be made before the process becomes a daemon.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[Sequence[Event]], None],
        *,
        batch: int = 500,
        capacity: int = 10000,
        attempts: int | None = 8,
        backoff: float = 1.0,
        backoff_max: float = 60.0,
        linger: float = 0.0,
    ):
        self.name = name
        self._deliver = deliver
        self._batch = min(batch, capacity)
        self._attempts = attempts
        self._backoff = (backoff, backoff_max)
        self._linger = linger
        self._events: deque[Event] = deque()
        self._capacity = capacity
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._give_up_at: float | None = None  # monotonic; set by close()
        self._in_hand = 0
        self._since: float | None = None
        self._delivered = self._dropped = self._lost = self._failures = 0
        self._error: str | None = None
        self._failing_since: datetime | None = None

    def report(self, event: Event) -> None:
        """Take `event` for delivery. Returns at once, never raises; a closed reporter counts it as lost."""
        with self._lock:
            if self._closing.is_set():
                self._lost += 1
                return
            if len(self._events) >= self._capacity:
                self._drop_one()
            self._events.append(event)
            if self._thread is None:
                self._start_thread()
            if len(self._events) == 1:  # else it does not wait for one
                self._wake.notify()

    def close(self, timeout: float = 5.0) -> bool:
        """Deliver what waits, for at most `timeout` seconds, each batch once; tell whether all of it went.

        What is left is counted as lost. A delivery that hangs is left behind on its daemon thread.
        """
        with self._wake:
            self._give_up_at = time.monotonic() + timeout
            self._closing.set()
            self._wake.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        with self._wake:
            left = len(self._events)
            self._events.clear()
            self._lost += left
            left += self._in_hand
        if left:
            log.warning("%s: %d events were not delivered before the end", self.name, left)
        return left == 0

    def status(self) -> ReporterStatus:
        """Return how this reporter fares now."""
        with self._wake:
            return ReporterStatus(
                name=self.name,
                queued=len(self._events) + self._in_hand,
                delivered=self._delivered,
                dropped=self._dropped,
                lost=self._lost,
                failures=self._failures,
                last_error=self._error,
                failing_since=self._failing_since,
                busy=0.0 if self._since is None else time.monotonic() - self._since,
            )

    # -- with the lock held -------------------------------------------------------------------------

    def _drop_one(self) -> None:
        self._events.popleft()
        if self._dropped == 0:
            log.warning("%s: more than %d events wait; the oldest are dropped", self.name, self._capacity)
        self._dropped += 1

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name=f"report-{self.name}", daemon=True)
        try:
            thread.start()
        except RuntimeError as err:  # out of threads: keep the events, the next one tries again
            log.error("%s: cannot start its thread: %s", self.name, err)
            return
        self._thread = thread

    # -- the thread ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._events and not self._closing.is_set():
                    self._wake.wait()
                if not self._events or self._out_of_time():
                    return
                full = len(self._events) >= self._batch
            if not full:
                self._gather()
            with self._wake:
                if not self._events:
                    continue  # close() has given them up meanwhile
                events = [self._events.popleft() for _ in range(min(self._batch, len(self._events)))]
                self._in_hand = len(events)
            good = self._try(events)
            with self._wake:
                self._in_hand = 0
                if good:
                    self._delivered += len(events)
                else:
                    self._lost += len(events)

    def _gather(self) -> None:
        """Let events gather, in a burst until it is over, but for so long only as there is room for more."""
        seen = 0
        for _ in range(LONGEST):
            if self._linger <= 0 or self._closing.wait(self._linger):
                return
            came, seen = len(self._events) - seen, len(self._events)
            if came < BURST * self._linger or 4 * seen > self._capacity:
                return

    def _out_of_time(self) -> bool:
        return self._give_up_at is not None and time.monotonic() >= self._give_up_at

    def _try(self, events: Sequence[Event]) -> bool:
        pause, longest = self._backoff
        attempt, last = 1, False
        while True:
            last = last or self._closing.is_set()
            if self._attempt(events):
                return True
            if last or attempt == self._attempts or self._out_of_time():
                break
            self._closing.wait(pause)  # when it ends early: one attempt more, without waiting
            pause = min(pause * 2, longest)
            attempt += 1
        log.error("%s: gave up %d event(s): %s", self.name, len(events), self._error)
        return False

    def _attempt(self, events: Sequence[Event]) -> bool:
        with self._wake:
            self._since = time.monotonic()
        try:
            self._deliver(events)
        except Exception as err:  # noqa: BLE001 - whatever a reporter does must stay on its thread
            self._failed(err)
            return False
        finally:
            with self._wake:
                self._since = None
        self._worked()
        return True

    def _failed(self, err: Exception) -> None:
        text = f"{type(err).__name__}: {err}"
        with self._wake:
            first = self._error is None
            self._failures += 1
            self._error = text
            if first:
                self._failing_since = datetime.now(UTC)
        # once per outage loudly; the count is in status() and each give-up is logged as well
        log.log(logging.WARNING if first else logging.DEBUG, "%s: delivery failed: %s", self.name, text)

    def _worked(self) -> None:
        with self._wake:
            was, since = self._error, self._failing_since
            self._error = self._failing_since = None
        if was is not None:
            log.info("%s: delivery works again; it failed since %s", self.name, since)


class Reporter(BatchReporter):
    """Delivers events in order, one at a time."""

    def __init__(
        self,
        name: str,
        deliver: Callable[[Event], None],
        *,
        capacity: int = 10000,
        attempts: int | None = 8,
        backoff: float = 1.0,
        backoff_max: float = 60.0,
    ):
        def one(events: Sequence[Event]) -> None:
            deliver(events[0])

        super().__init__(
            name,
            one,
            batch=1,
            capacity=capacity,
            attempts=attempts,
            backoff=backoff,
            backoff_max=backoff_max,
        )
