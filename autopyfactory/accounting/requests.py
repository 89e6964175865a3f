"""What the protocol asks of the world, and what it is told: the ports Disk, Schedd and People.

Whoever drives the protocol answers each request (`accounting.driver` with threads, the simulator in tests),
or throws `NoAnswer` into it. An answer says when its question was asked and when it came, by the clock of
who drives; the protocol has none of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autopyfactory.accounting.book import Batch, is_earlier
from autopyfactory.accounting.place import Place
from autopyfactory.model.ending import Ending, Start
from autopyfactory.model.info import BatchQueueInfo


class NoAnswer(Exception):
    """A request was not answered, and what came of it is not known."""


class NotDone(Exception):
    """A request was refused: it certainly changed nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked for at monotonic time `asked` and told at `at`."""

    value: Any
    asked: float
    at: float
    wall: float = 0.0  # Unix time of `at`


@dataclass(frozen=True, slots=True)
class Write:
    """To the disk: keep these lines, and this place. Answered when it is safe, if `durable`.

    Without `durable` it is written soon, after all that was asked for before. NoAnswer: it may be written.
    The disk adds up what was ever sent for each queue from the lines that it writes: threads tell what they
    have reckoned in any order.
    """

    lines: tuple[Batch, ...] = ()
    places: tuple[Place, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    durable: bool = False


@dataclass(frozen=True, slots=True)
class Recall:
    """To the disk: which tags have a line? Answer: tag to cluster; None: an intent that was given up."""

    tags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Submit:
    """To a place, if it has this identity: send the pilots of a batch. Answer: `Submitted`.

    NotDone: nothing was sent. NoAnswer: that is not known.
    """

    batch: Batch
    identity: str


@dataclass(frozen=True, slots=True)
class Submitted:
    """Pilots that a place took."""

    cluster: str
    procs: int  # bits


@dataclass(frozen=True, slots=True)
class Count:
    """To a place: how many pilots with our factory's name? Answer: `Counted`."""

    place: str


@dataclass(frozen=True, slots=True)
class Counted:
    """All pilots of a place, by queue, and who says so."""

    identity: str
    queues: Mapping[str, BatchQueueInfo]
    others: Mapping[str, int] = field(default_factory=dict)  # of them: without our mark


@dataclass(frozen=True, slots=True)
class ReadEndings:
    """To a place: which pilots have ended since `cursor`? Answer: `Endings`."""

    place: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Endings:
    """Pilots that have ended, in order; what is told again does no harm."""

    identity: str
    cursor: str
    ended: tuple[tuple[str, int] | tuple[str, int, str], ...]  # tag, proc, cluster if there are such
    pilots: tuple[Ending, ...] = ()  # the same ones with all that is said of them, as far as it is
    starts: tuple[Start, ...] = ()  # pilots that have started since the last time and run, at least


@dataclass(frozen=True, slots=True)
class Publish:
    """To all who follow pilots: these of ours have ended at a place, and these have started."""

    place: str
    pilots: tuple[Ending, ...]
    starts: tuple[Start, ...] = ()


@dataclass(frozen=True, slots=True)
class Survey:
    """To a place: which tags are in the queue? Slow, asked only when something does not balance."""

    place: str


@dataclass(frozen=True, slots=True)
class TagCount:
    """How many pilots in the queue carry a tag."""

    queue: str
    mark: str
    alive: int


@dataclass(frozen=True, slots=True)
class Surveyed:
    """All tags in a place's queue."""

    identity: str
    tags: Mapping[str, TagCount]


@dataclass(frozen=True, slots=True)
class Search:
    """To a place: what is known of these tags, in queue and history? Answer: `Searched`."""

    place: str
    tags: frozenset[str]
    most: int  # pilots that there can be


@dataclass(frozen=True, slots=True)
class TagFound:
    """The pilots of one tag."""

    cluster: str
    alive: int  # bits
    ended: int  # bits
    copies: tuple[TagFound, ...] = ()  # later clusters that carry the same tag: somebody has copied it

    def of(self, cluster: str) -> TagFound | None:
        """Return those of `cluster`, or of an earlier one: who copies comes later.

        Of the first one if it is not known, and empty.
        """
        if cluster in ("", self.cluster) or is_earlier(self.cluster, cluster):
            return self
        return next((copy for copy in self.copies if copy.cluster == cluster), None)


@dataclass(frozen=True, slots=True)
class Searched:
    """What queue and history know; a tag that is not in `tags` is known to neither."""

    identity: str
    tags: Mapping[str, TagFound]
    history: bool = True  # whether this place keeps one
    final: bool = False  # what is not found has ended: whatever lives is found there


@dataclass(frozen=True, slots=True)
class Tell:
    """To people: something happened that an operator should know."""

    kind: str  # lost, found, adopted, foreign, rival, stranger, parted, place-changed, forgotten
    place: str
    text: str
    queue: str | None = None
    pilots: int = 0
    alarm: bool = False
    batch: Batch | None = None  # a submission that turned out to have taken place


Request = Write | Recall | Submit | Count | ReadEndings | Publish | Survey | Search | Tell
