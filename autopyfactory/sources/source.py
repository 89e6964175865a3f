"""StatusSource: polls one external system on behalf of all queues that need it.

The last good answer stays, with its true age, when the system stops answering: what is too old to act on
is for the gate to say. A source never raises into a queue.
"""

from __future__ import annotations

import logging
import re
import threading
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from autopyfactory.model.clock import Clock, SystemClock
from autopyfactory.model.info import Snapshot

T = TypeVar("T")

_DIGITS = re.compile(r"\d+")

log = logging.getLogger("autopyfactory.source")

FIRST_RETRY = 1.0  # seconds until a failed question is asked again; doubles up to LAST_RETRY
LAST_RETRY = 30.0
BOUNDS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds of a question: upper ends of buckets
AFTER_HANG = 0.3  # seconds until a source is asked again that has just used up its time limit in silence


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a source does not answer."""

    text: str
    since: datetime
    failures: int
    hung: bool = False  # the last time it said nothing until the time limit


@dataclass(frozen=True, slots=True)
class SourceState(Generic[T]):
    """What a source knows at one moment; replaced as a whole, so readers need no lock."""

    snapshot: Snapshot[T] | None = None
    trouble: Trouble | None = None


class StatusSource(Generic[T]):
    """A thread that keeps the latest answer of one external system.

    `fetch` asks it, for all queues, and must end within its own time limit; what it returns is one of
    `answers`, if that is given: anything else, and anything that it raises, is no answer. `after` is called
    when an answer was taken in, on the same thread; it returns whether queues should look at once.
    """

    def __init__(
        self,
        label: str,
        fetch: Callable[[], T],
        *,
        interval: float,
        maxage: float,
        clock: Clock | None = None,
        answers: type[Any] | None = None,
        after: Callable[[], bool] = lambda: False,
        close: Callable[[], None] | None = None,
    ):
        self.label = label
        self.maxage = maxage
        self.interval = interval
        self.state: SourceState[T] = SourceState()
        self.fetches = self.failures = 0  # since it was made; only the thread that polls writes
        self.seconds = 0.0  # that all of them took together
        self.buckets = [0] * (len(BOUNDS) + 1)  # of them, up to each of BOUNDS (each alone), and above
        self.last_seconds: float | None = None  # that the last one took
        self._fetch = fetch
        self._answers = answers
        self._after = after
        self._close = close
        self._clock = clock or SystemClock()
        self._stop = threading.Event()
        self._asked = threading.Event()  # somebody wants an answer sooner
        self._first = threading.Event()  # the first answer or failure is there
        self._listeners: set[Callable[[], None]] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to poll; does nothing when it already does."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"source {self.label}", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a question under way ends by its own time limit."""
        self._stop.set()
        self._asked.set()

    def join(self, timeout: float) -> bool:
        """Wait for the thread to end; return whether it did."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def wait_first(self, timeout: float) -> bool:
        """Wait until the first answer or failure is there; return whether it is."""
        return self._first.wait(timeout)

    def listen(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the source answers again after trouble."""
        self._listeners.add(wake)

    def unlisten(self, wake: Callable[[], None]) -> None:
        """No longer call `wake`."""
        self._listeners.discard(wake)

    def refresh(self) -> None:
        """Ask sooner than the interval says."""
        self._asked.set()

    def poll(self) -> bool:
        """Ask once and take in the answer; return whether there was one.

        Called by the thread, and by tests.
        """
        try:
            return self._poll()
        finally:
            self._first.set()

    def _poll(self) -> bool:
        asked_at, asked_mono = self._clock.now(), self._clock.monotonic()
        before = self.state
        try:
            data = self._fetch()
            if self._answers is not None and not isinstance(data, self._answers):
                raise TypeError(
                    f"its plugin answered with {type(data).__name__}, not {self._answers.__name__}"
                )
            lag = float(getattr(data, "lag", 0.0))  # what was old already when asked for: a file, say
        except Exception as err:  # noqa: BLE001 - thread boundary: any failure of a plugin is "no answer"
            self._failed(before, err)
            return False
        finally:
            self.fetches += 1
            self.last_seconds = self._clock.monotonic() - asked_mono
            self.seconds += self.last_seconds
            self.buckets[bisect_left(BOUNDS, self.last_seconds)] += 1
        self.state = SourceState(Snapshot(data, asked_at - timedelta(seconds=lag), asked_mono - lag))
        if before.trouble:
            log.info("%s answers again after %d failures", self.label, before.trouble.failures)
        try:
            news = self._after()
        except Exception as err:  # what follows an answer must not end the thread that asks
            log.exception("%s: %s", self.label, err)
            news = False
        if before.trouble or news:
            for wake in tuple(self._listeners):
                wake()
        return True

    def _failed(self, before: SourceState[T], err: Exception) -> None:
        self.failures += 1
        text = self._without_name(str(err) or type(err).__name__)
        trouble = before.trouble
        if trouble is None or _DIGITS.sub("", trouble.text) != _DIGITS.sub("", text):  # an age is no news
            log.warning("%s does not answer: %s", self.label, text)
            log.debug("details", exc_info=err)
        since = trouble.since if trouble else self._clock.now()
        failures = trouble.failures + 1 if trouble else 1
        hung = bool(getattr(err, "hung", False))
        self.state = SourceState(before.snapshot, Trouble(text, since, failures, hung))

    def _without_name(self, text: str) -> str:
        """Return `text` without the source's name at its beginning: it is told with the label."""
        for name in (self.label, self.label.rpartition(" ")[2]):
            text = text.removeprefix(f"{name}: ")
        return text

    def _pause(self) -> float:
        """Return the seconds until the next question."""
        if self.state.trouble and self.state.trouble.hung:
            return min(self.interval, AFTER_HANG)
        if self.state.trouble:
            return min(
                self.interval, LAST_RETRY, FIRST_RETRY * 2.0 ** min(self.state.trouble.failures - 1, 6)
            )
        return self.interval

    def _run(self) -> None:
        while not self._stop.is_set():
            started = self._clock.monotonic()
            try:
                self.poll()
            except Exception:  # a defect of ours must not end the thread: nobody would ask any more
                log.exception("%s: asking failed", self.label)
            spent = self._clock.monotonic() - started
            pause = self._pause()
            if self.state.trouble and spent > LAST_RETRY / 2:
                pause = min(pause, FIRST_RETRY)  # it has waited long enough already
            self._asked.wait(pause if self.state.trouble else max(0.0, pause - spent))
            self._asked.clear()
        if self._close is not None:
            try:
                self._close()
            except Exception as err:  # noqa: BLE001 - a plugin's, and there is nothing left to save
                log.warning("%s cannot be closed: %s", self.label, err)
