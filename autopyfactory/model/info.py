"""The nouns: what the factory knows about work, pilots and sites.

All are immutable. Counts are never negative. "Unknown" is `None`, never zero: a queue that a
snapshot does not know is not a queue without work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from operator import add, attrgetter
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WMSQueueInfo:
    """How much work one WMS queue has, in jobs."""

    ready: int = 0
    notready: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    unknown: int = 0

    def __add__(self, other: WMSQueueInfo) -> WMSQueueInfo:
        """Add counts, for instance of several labels of one site."""
        return WMSQueueInfo(
            ready=self.ready + other.ready,
            notready=self.notready + other.notready,
            running=self.running + other.running,
            done=self.done + other.done,
            failed=self.failed + other.failed,
            unknown=self.unknown + other.unknown,
        )


@dataclass(frozen=True, slots=True)
class BatchQueueInfo:
    """How many pilots one queue of this factory has, each counted in exactly one of the first six.

    `pending` holds every pilot that was sent and does not run yet, held ones included: a CE
    that holds pilots must not look like one with room. The next four split `pending` further.
    """

    pending: int = 0
    running: int = 0
    suspended: int = 0
    done: int = 0
    error: int = 0
    unknown: int = 0
    # of the pending ones
    unsubmitted: int = 0  # idle in our schedd, not yet at the CE
    waiting: int = 0  # idle at the CE or in its batch system
    held: int = 0
    leaving: int = 0  # removed from our schedd's queue, and not gone from it yet
    unseen: int = 0  # sent after the snapshot was taken: known from the book only
    missing: int = 0  # in the book, and not in the snapshot that should show them
    # of all of them: pilots that are not in the book, with our factory's name
    foreign: int = 0
    # of the running ones (cloud nodes)
    retiring: int = 0

    @property
    def active(self) -> int:
        """Pilots that take or will take a slot: pending and running."""
        return self.pending + self.running

    @property
    def shown(self) -> int:
        """Pilots that a batch system shows and that have not ended, whatever state they are in."""
        counted = self.pending + self.running + self.suspended + self.error + self.unknown
        return counted - self.unseen - self.missing

    def __add__(self, other: BatchQueueInfo) -> BatchQueueInfo:
        """Add counts, for instance of several schedds."""
        return BatchQueueInfo(*map(add, _VALUES(self), _VALUES(other)))

    def with_unseen(self, n: int) -> BatchQueueInfo:
        """Return these counts with `n` pilots more that are sent but not visible yet."""
        return replace(self, pending=self.pending + n, unseen=self.unseen + n) if n else self


MOST_PILOTS = 10_000_000  # of one queue in one state: more is no count
_COUNTS = tuple(f.name for f in fields(BatchQueueInfo))
_VALUES = attrgetter(*_COUNTS)
_INTS = frozenset({int})


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """What the WMS says about a site or WMS queue: status and cloud as it spells them."""

    status: str = ""  # online, test, offline, brokeroff, ...
    cloud: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot(Generic[T]):
    """The complete answer of one external system, and the moment its question was *asked*."""

    data: T
    taken_at: datetime  # wall time, for people
    taken_mono: float  # monotonic seconds, for ages

    def age(self, monotonic_now: float) -> float:
        """Return the seconds since the question was asked."""
        return max(0.0, monotonic_now - self.taken_mono)


@dataclass(frozen=True, slots=True)
class WMSStatus:
    """One WMS's answer for all its queues."""

    queues: Mapping[str, WMSQueueInfo]
    sites: Mapping[str, SiteInfo] = field(default_factory=dict)
    # the same counts by queue and (label, resource type), from a WMS that tells them apart
    axes: Mapping[str, Mapping[tuple[str, str], WMSQueueInfo]] = field(default_factory=dict)
    lag: float = 0.0  # seconds that the counts were old already when they were asked for
    # queues whose part of the answer makes no sense, and why: nothing is known of them, which is not zero
    spoilt: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """One schedd's answer for all queues of this factory; a queue without pilots is absent."""

    queues: Mapping[str, BatchQueueInfo]
    others: Mapping[str, int] = field(default_factory=dict)  # of the pilots: those without our book's mark
    identity: str = ""  # who answers: another one under the same name has another; empty: it does not tell
    # of queues with several CEs: how many pilots run, by queue and CE in its one spelling
    running_at: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    active: int = field(init=False)  # pilots of all queues, pending and running

    def __post_init__(self) -> None:
        """Add up once: every queue asks for the sum in every cycle."""
        counts = [(q.pending, q.running) for q in self.queues.values()]
        # What is no number is told by `absurd`, to whoever takes the answer in.
        total = sum(p + r for p, r in counts if isinstance(p, int) and isinstance(r, int))
        object.__setattr__(self, "active", total)

    def absurd(self) -> str | None:
        """Return what cannot be in these counts, in words: such an answer is none. None: nothing."""
        for name, info in self.queues.items():
            values = _VALUES(info)
            if _INTS.issuperset(map(type, values)) and min(values) >= 0 and max(values) <= MOST_PILOTS:
                continue
            for what, n in zip(_COUNTS, values, strict=True):
                if type(n) is not int or not 0 <= n <= MOST_PILOTS:
                    return f"{n!r:.40} pilots {what} in {name!r:.80}"
        for name, n in self.others.items():
            if type(n) is not int or not 0 <= n <= MOST_PILOTS:
                return f"{n!r:.40} pilots of others in {name!r:.80}"
            if n > (shown := self.queue(name).shown):
                return f"{n} pilots of others in {name!r:.80}, of {shown} in all"
        return None

    def queue(self, name: str) -> BatchQueueInfo:
        """Return the counts of queue `name`; zero when it has no pilots in this complete answer."""
        return self.queues.get(name, BatchQueueInfo())
