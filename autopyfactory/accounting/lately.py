"""How the pilots of each queue fared lately: a bounded memory of their starts and endings."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from sys import intern
from typing import NamedTuple

from autopyfactory.model.ending import Ending, Outcome, Start

WINDOW = 3600.0  # seconds that are remembered
MOST = 20_000  # endings, and starts, of one queue within the window; the oldest are left out
LAST = 20  # endings of one queue that are kept whole, however old
DROPPED = 500  # dropped pilots of one queue that are kept whole, within the window
USUAL = 100  # starts of one queue whose waits are kept, however old


class Brief(NamedTuple):
    """What is counted of an ending."""

    at: float
    wall: float
    outcome: Outcome
    waited: float  # of one that was taken back: seconds since it was sent
    short: bool
    failure: str
    check: str
    host: str


@dataclass(frozen=True, slots=True)
class Lately:
    """How the pilots of one queue fared, as of one moment; what is older than the window may be among it."""

    endings: Sequence[Brief] = ()
    last: tuple[Ending, ...] = ()  # those that ended by themselves, the latest last
    dropped: tuple[Ending, ...] = ()
    starts: Sequence[tuple[float, float]] = ()  # Unix time and seconds since it was sent, the latest last
    waits: tuple[float, ...] = ()  # seconds from sending to start, of the latest that started

    @property
    def newest_start(self) -> datetime | None:
        """Return when a pilot started last; None: not known."""
        return datetime.fromtimestamp(self.starts[-1][0], UTC) if self.starts else None


NOTHING = Lately()


class _Queue:
    def __init__(self) -> None:
        self.endings: deque[Brief] = deque(maxlen=MOST)
        self.last: deque[Ending] = deque(maxlen=LAST)
        self.dropped: deque[Ending] = deque(maxlen=DROPPED)
        self.starts: OrderedDict[str, tuple[float, float]] = OrderedDict()  # by pilot
        self.ces: dict[str, str] = {}  # of these starts, where each was sent
        self.told: Lately | None = None

    def end(self, e: Ending) -> None:
        waited = max(0.0, e.at - e.queued) if e.queued else 0.0
        check = e.account.check if e.account else ""
        self.endings.append(
            Brief(e.at, e.wall, e.outcome, waited, e.short, intern(e.failure), intern(check), intern(e.host))
        )
        if e.outcome == "dropped":
            self.dropped.append(e)
        elif e.good or e.bad:
            self.last.append(e)
        if e.started is not None and e.latency is not None:
            self.start(e.tag, e.job, e.started, e.latency, e.ce)

    def start(self, tag: str, job: str, at: float, latency: float, ce: str) -> None:
        pilot = f"{tag} {job}"  # the number alone is given by every schedd
        if pilot not in self.starts:
            self.starts[pilot] = (at, latency)
            self.ces[pilot] = intern(ce)
            self.told = None

    def forget(self, before: float) -> None:
        while self.endings and self.endings[0].at < before:
            self.endings.popleft()
        while self.dropped and self.dropped[0].at < before:
            self.dropped.popleft()
        while len(self.starts) > USUAL:
            pilot, (at, _) = next(iter(self.starts.items()))
            if at >= before and len(self.starts) <= MOST:
                break
            del self.starts[pilot], self.ces[pilot]

    def tell(self) -> Lately:
        if self.told is None:
            starts = sorted(self.starts.values())
            waits = tuple(wait for _, wait in starts[-USUAL:])
            last = tuple(sorted(self.last, key=lambda e: e.at))
            self.told = Lately(tuple(self.endings), last, tuple(self.dropped), starts, waits)
        return self.told


class Memory:
    """What is remembered of all queues; any thread may tell and ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queues: dict[str, _Queue] = {}

    def ended(self, endings: Iterable[Ending]) -> None:
        """Remember these."""
        with self._lock:
            for e in endings:
                queue = self._queues.setdefault(e.queue, _Queue())
                queue.end(e)
                queue.told = None

    def started(self, starts: Iterable[Start]) -> None:
        """Remember these; it does no harm to tell of one twice."""
        with self._lock:
            for s in starts:
                self._queues.setdefault(s.queue, _Queue()).start(s.tag, s.job, s.at, s.latency, s.ce)

    def forget(self, before: float) -> None:
        """Forget what happened before this Unix time, as far as it is not kept however old it is."""
        with self._lock:
            for queue in self._queues.values():
                queue.forget(before)
                queue.told = None

    def of(self, queue: str) -> Lately:
        """Return what is known of `queue`. Returns at once."""
        with self._lock:
            known = self._queues.get(queue)
            return known.tell() if known is not None else NOTHING

    def starts_at(self, queue: str, since: float) -> Counter[str]:
        """Return how many pilots of `queue` have started since this Unix time, by CE in its one spelling."""
        with self._lock:
            known = self._queues.get(queue)
            if known is None:
                return Counter()
            return Counter(known.ces[pilot] for pilot, (at, _) in known.starts.items() if at >= since)

    @property
    def queues(self) -> tuple[str, ...]:
        """Return the queues that something is known of."""
        with self._lock:
            return tuple(self._queues)
