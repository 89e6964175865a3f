"""Schedds and a disk as models: they restart, forget, hang, lie and fail as a seed says. Truth is here."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

from autopyfactory.accounting.book import Batch, Book, bits
from autopyfactory.accounting.place import Place, Places
from autopyfactory.accounting.requests import (
    Counted,
    Endings,
    NoAnswer,
    NotDone,
    ReadEndings,
    Searched,
    Submitted,
    Surveyed,
    TagCount,
    TagFound,
    Write,
)
from autopyfactory.model.info import BatchQueueInfo

LEASE = 900.0  # seconds after which pilots end whose job queue is gone
LATE = 100.0  # seconds that a submission can be under way after its sender has died


@dataclass
class Pilot:
    """A job, and the pilot that it is."""

    tag: str
    queue: str
    ce: str
    mark: str
    cluster: str
    proc: int
    alive: bool = True
    running: bool = False
    leaves: bool = False  # ended, and still in the queue
    ended_at: float = float("inf")
    forged: bool = False  # somebody's job with the ads of one of ours
    given_up: bool = False  # its job queue had told nothing for the whole lease, and was forgotten for that


@dataclass
class Schedd:
    """One job queue, with its history."""

    identity: str
    rng: random.Random
    history: bool = True
    pilots: dict[tuple[str, int], Pilot] = field(default_factory=dict)
    ended: list[Pilot] = field(default_factory=list)
    dead: list[Pilot] = field(default_factory=list)  # the truth, whatever the history keeps
    clusters: int = 0
    tags: set[str] = field(default_factory=set)
    lie: str = ""  # what its counts are worth
    blind: str = ""  # what its look-ups by tag are worth
    tells_tags: bool = True  # whether it can tell pilots apart, and who it is
    flips: int = 0
    old: Counted | None = None
    heard: float = 0.0  # when it last told its counts to the factory

    # --- what happens to pilots ------------------------------------------------------------------

    def submit(self, batch: Batch) -> Submitted:
        """Take the pilots of a batch."""
        assert batch.tag not in self.tags, f"tag {batch.tag} was submitted twice"
        self.tags.add(batch.tag)
        self.clusters += 1
        cluster = f"{self.identity[-2:]}{self.clusters}"
        for proc in range(batch.n):
            self.pilots[cluster, proc] = Pilot(batch.tag, batch.queue, batch.ce, batch.mark, cluster, proc)
        return Submitted(cluster, bits(range(batch.n)))

    def end(self, pilot: Pilot, now: float) -> None:
        """Let a pilot end; its job leaves the queue, or stays a while as completed."""
        pilot.alive, pilot.ended_at = False, now
        self.dead.append(pilot)
        if self.rng.random() < 0.2:
            pilot.leaves = True
        else:
            self.archive(pilot)

    def forge(self, pilot: Pilot, procs: int) -> list[Pilot]:
        """Let somebody have jobs that say of themselves what the job of `pilot` says."""
        self.clusters += 1
        cluster = f"{self.identity[-2:]}{self.clusters}"
        copies = [
            replace(pilot, cluster=cluster, proc=proc, running=True, leaves=False, forged=True)
            for proc in range(procs)
        ]
        self.pilots |= {(cluster, copy.proc): copy for copy in copies}
        return copies

    def archive(self, pilot: Pilot) -> None:
        """Let an ended job leave the queue."""
        self.pilots.pop((pilot.cluster, pilot.proc), None)
        if self.history:
            self.ended.append(pilot)

    def lose(self, pilot: Pilot) -> None:
        """Forget a job altogether, as after a crash without fsync."""
        pilot.alive = False
        self.pilots.pop((pilot.cluster, pilot.proc), None)

    @property
    def alive(self) -> list[Pilot]:
        """Return the pilots that have not ended."""
        return [p for p in self.pilots.values() if p.alive]

    # --- what it says ----------------------------------------------------------------------------

    def count(self, ours: str) -> Counted:
        """Answer a count, truly or not."""
        truth = self._truth(ours)
        answer = self._lied(truth)
        if self.old is None or self.rng.random() < 0.1:
            self.old = truth
        return answer

    def _truth(self, ours: str) -> Counted:
        counts: dict[str, Counter[str]] = {}
        others: Counter[str] = Counter()
        for p in self.pilots.values():
            what = ("running" if p.running else "pending") if p.alive else "done"
            counts.setdefault(p.queue, Counter())[what] += 1
            if p.alive and p.mark != ours:
                others[p.queue] += 1
        told = {q: BatchQueueInfo(**c) for q, c in counts.items()}
        return Counted(self.identity, told, dict(others)) if self.tells_tags else Counted("", told)

    def _lied(self, truth: Counted) -> Counted:
        self.flips += 1
        lie = self.lie
        if lie == "flip":
            lie = "zero" if self.flips % 2 else ""
        if lie == "zero":
            return replace(truth, queues={}, others={})
        if lie in ("fifth", "half"):
            part = 5 if lie == "fifth" else 2
            less = {
                q: BatchQueueInfo(pending=i.pending // part, running=i.running // part)
                for q, i in truth.queues.items()
            }
            return replace(truth, queues=less, others={q: n // part for q, n in truth.others.items()})
        if lie == "some queues":
            kept = {q for q in truth.queues if self.rng.random() < 0.5}
            return replace(
                truth,
                queues={q: i for q, i in truth.queues.items() if q in kept},
                others={q: n for q, n in truth.others.items() if q in kept},
            )
        if lie == "old":
            return self.old or truth
        if lie == "more":
            more = {q: replace(i, running=i.running + 3) for q, i in truth.queues.items()}
            return replace(truth, queues=more)
        if lie == "nonsense":
            raise NoAnswer("a number that cannot be")
        return truth

    def endings(self, request: ReadEndings) -> Endings:
        """Answer who has ended since the cursor, some of them twice."""
        if not self.tells_tags:
            return Endings("", request.cursor, ())
        done = int(request.cursor or 0)
        again = self.rng.randint(0, 2)
        fresh = self.ended[max(0, done - again) :]
        if self.blind == "short":
            fresh = fresh[:1]
            cursor = done + (1 if fresh and not again else 0)
        else:
            cursor = len(self.ended)
        in_queue = [p for p in self.pilots.values() if p.leaves]
        return Endings(
            self.identity, str(cursor), tuple((p.tag, p.proc, p.cluster) for p in [*in_queue, *fresh])
        )

    def survey(self) -> Surveyed:
        """Answer which tags are in the queue."""
        if not self.tells_tags:
            raise NotDone("tells numbers only")
        if self.blind == "nothing":
            return Surveyed(self.identity, {})
        counts: Counter[tuple[str, str, str]] = Counter()
        for p in self.alive:
            if self.blind != "part" or self.rng.random() < 0.5:
                counts[p.tag, p.queue, p.mark] += 1
        return Surveyed(self.identity, {t: TagCount(q, m, n) for (t, q, m), n in counts.items()})

    def search(self, tags: frozenset[str]) -> Searched:
        """Answer what is known of some tags."""
        if not self.tells_tags:
            raise NotDone("tells numbers only")
        if self.blind == "nothing":
            return Searched(self.identity, {}, self.history)
        found: dict[str, dict[str, TagFound]] = {}
        for p in [*self.pilots.values(), *self.ended]:
            if p.tag in tags and (self.blind != "part" or self.rng.random() < 0.5):
                clusters = found.setdefault(p.tag, {})
                f = clusters.get(p.cluster, TagFound(p.cluster, 0, 0))
                bit = 1 << p.proc
                clusters[p.cluster] = TagFound(
                    f.cluster, f.alive | (bit if p.alive else 0), f.ended | (0 if p.alive else bit)
                )
        return Searched(self.identity, {tag: _together(of) for tag, of in found.items()}, self.history)


def _together(clusters: dict[str, TagFound]) -> TagFound:
    """Return the first cluster with a tag, and the others, who have copied it."""
    first, *copies = (clusters[cluster] for cluster in sorted(clusters, key=lambda c: int(c[2:])))
    return replace(first, copies=tuple(copies))


class WatchedBook(Book):
    """Knows whether anything that it counts has changed: what has not need not be checked again."""

    def __init__(self, mark: str) -> None:
        self.touched = True
        super().__init__(mark)

    def _count(self, batch: Batch, sign: int) -> None:
        self.touched = True
        super()._count(batch, sign)


@dataclass
class Disk:
    """What survives a kill. Writes that need not be safe at once come later, or never."""

    mark: str
    lines: dict[str, Batch] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    totals: Counter[str] = field(default_factory=Counter)
    waiting: list[Write] = field(default_factory=list)
    broken: str = ""  # fails, or fails after it has written

    def write(self, request: Write) -> None:
        """Keep what is asked for, and all that waits, in order."""
        if not request.durable:
            self.waiting.append(request)
            return
        if self.broken == "full":
            raise NotDone("no space left")
        self.flush()
        self._keep(request)
        if self.broken == "late":
            raise NoAnswer("input/output error")

    def flush(self) -> None:
        """Write what waits."""
        if self.broken:
            return
        for request in self.waiting:
            self._keep(request)
        self.waiting.clear()

    def power_cut(self, rng: random.Random) -> None:
        """Lose some of what waits, the latest first."""
        keep = rng.randint(0, len(self.waiting))
        del self.waiting[keep:]
        for request in self.waiting:
            self._keep(request)
        self.waiting.clear()

    def _keep(self, request: Write) -> None:
        for line in request.lines:
            if line.tag in self.lines and line.revision < self.lines[line.tag].revision:
                continue
            self.totals[line.queue] += self._counted(line) - self._counted(self.lines.get(line.tag))
            kept = self.lines[line.tag] = line.copied()
            kept.busy, kept.doubts, kept.missed_since, kept.sent_at = False, (), None, float("-inf")
        for place in request.places:
            self.places[place.name] = Place(place.name, place.identity, place.cursor)
        self.aliases.update(request.aliases)

    def _counted(self, line: Batch | None) -> int:
        sent = line is not None and line.state != "intended" and line.mark == self.mark
        return line.n if line is not None and sent else 0

    def restore(self) -> tuple[WatchedBook, Places]:
        """Return what a new life starts with."""
        book, places = WatchedBook(self.mark), Places()
        places.aliases.update(self.aliases)
        for name, place in self.places.items():
            if places.resolve(name) == name:
                mine = places.get(name)
                mine.identity, mine.cursor = place.identity, place.cursor
        for line in self.lines.values():
            line.revision = 0
            if line.state != "closed" or line.lost:
                loaded = line.copied()
                loaded.place = places.home_of(loaded)
                book.load(loaded)
        book.sent.update(self.totals)
        return book, places

    def recall(self, tags: frozenset[str]) -> dict[str, str | None]:
        """Return which of `tags` have a line, and their clusters; None: an intent that was given up."""
        return {t: self.lines[t].cluster if self.lines[t].n else None for t in tags if t in self.lines}
