"""The book of pilots: every batch that was sent has a line, from its intent to the end of its last pilot.

Pure: no I/O, no clock, no threads. A pilot counts against its queue, place, CE and factory as it was *sent*,
whatever the configuration says now, until there is evidence of its end. Sums are kept with every change, so
that asking for one costs the same with any number of lines.

Pilots of a batch are bits of an integer: bit p is the pilot `<cluster>.<p>`. So to be told of an end twice,
or late, or out of order, changes nothing.
"""

from __future__ import annotations

import itertools
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Literal

from autopyfactory.accounting.absence import Absence

State = Literal["intended", "sent", "closed"]

FACTORY = "factory"
REMEMBER = 20_000  # tags of lines that are closed and told apart from strangers without asking the disk
MOST_PROCS = 100_000  # no cluster of ours has a proc number as high: bits stay small


def bits(procs: Iterable[int]) -> int:
    """Return the set of pilot numbers as an integer. Numbers that no pilot of ours can have are left out."""
    found = 0
    for proc in procs:
        if 0 <= proc < MOST_PROCS:
            found |= 1 << proc
    return found


def scopes(queue: str, ce: str, place: str) -> tuple[str, str, str, str, str]:
    """Return where pilots of `queue` count: the factory, the queue, the CE, the schedd, its way to the CE."""
    return FACTORY, f"queue:{queue}", f"ce:{ce}", f"schedd:{place}", f"way:{place} to {ce}"


def numbers(mask: int) -> Iterator[int]:
    """Yield the pilot numbers in `mask`, ascending."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def cluster_in(job: str) -> str:
    """Return the cluster of `cluster.proc`."""
    return job.partition(".")[0]


def same_cluster(known: str | None, said: str = "") -> bool:
    """Return whether a pilot is of a line with this cluster: anybody can write our tags into his own ads.

    known: the line's; None: there is no such line. Empty: one of the two is not known, so nothing is wrong.
    """
    return known is not None and (not known or not said or known == said)


def is_earlier(cluster: str, than: str) -> bool:
    """Return whether a place gave the number `cluster` before `than`: it counts upwards."""
    try:
        return int(cluster) < int(than)
    except ValueError:  # of no number nobody knows
        return False


@dataclass(slots=True)
class Batch:
    """One line: the pilots of one submission. `n` = open + ended + lost, always."""

    tag: str
    queue: str
    place: str  # in its one spelling, see `spelling`
    ce: str  # likewise
    n: int
    cores: int = 1  # of each pilot
    memory_mb: int = 0
    intended: float = 0.0  # Unix time
    identity: str = ""  # of the place when it was sent; empty: the place told none
    mark: str = ""  # whose book sent it
    state: State = "intended"
    cluster: str = ""
    members: int = 0  # bits; 0 while intended: nobody knows their numbers yet
    alive: int = 0  # bits of those not known to have ended
    lost: int = 0  # bits of those written off
    # Its cluster is the first that one look-up has shown, which need not have shown all: ours may be an
    # earlier one, which somebody has copied. No end is believed before a second look-up.
    supposed: bool = False
    # Only in memory:
    busy: bool = False  # its submission is under way: that nobody knows the tag means nothing yet
    sent_at: float = float("-inf")  # monotonic: known to be there since
    missed_since: float | None = None  # monotonic: the first search that did not find this intent
    doubts: tuple[Absence, ...] = ()  # of an intent, whose pilots' numbers nobody knows: of bit 0
    revision: int = 0  # of all changes of its book the last that concerned it: copies may be written late

    @property
    def adopted(self) -> bool:
        """Whether it was found at its place, no intent of this book: its pilots are those that were seen."""
        return not self.intended

    def copied(self) -> Batch:
        """Return the line as it is now: five times as fast as `replace`, which matters with many of them."""
        return Batch(*_values(self))

    @property
    def open(self) -> int:
        """Pilots that have to be counted."""
        return self.n if self.state == "intended" else self.alive.bit_count()

    @property
    def ended(self) -> int:
        """Pilots known to have ended."""
        return self.n - self.open - self.lost.bit_count()

    @property
    def doubt(self) -> int:
        """Return the bits that look-ups did not find."""
        found = 0
        for absence in self.doubts:
            found |= absence.pilots
        return found

    def interrupt_doubts(self, at: float) -> None:
        """Note that the look-up at `at` (monotonic) comes after a silence."""
        self.doubts = tuple([absence.interrupted(at) for absence in self.doubts])

    def forget_doubts(self) -> None:
        """Let look-ups that did not find it say nothing any more."""
        self.doubts, self.missed_since = (), None

    def believe(self, procs: int = -1) -> None:
        """No longer doubt the pilots `procs` (bits)."""
        if self.doubts:
            self.doubts = tuple([a.of(left) for a in self.doubts if (left := a.pilots & ~procs)])


_values = attrgetter(*(f.name for f in fields(Batch)))
At = tuple[str, str, bool]  # queue, place, ours


class Book:
    """All open lines, and sums of them. `mark` is this book's own, in the ads of every pilot it sends."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.changed: dict[str, Batch] = {}  # what has to be written to disk
        self._lines: dict[str, Batch] = {}  # open ones, and those with lost pilots, who may turn up again
        self._at_place: dict[str, dict[str, Batch]] = {}
        self._intended: dict[str, Batch] = {}
        self._closed: OrderedDict[str, str | None] = OrderedDict()  # their clusters; None: never sent
        self._sums: Counter[str] = Counter()
        self._at: Counter[At] = Counter()
        self._to: Counter[tuple[str, str]] = Counter()  # open pilots by queue and CE
        self._just_sent: dict[str, dict[str, Batch]] = {}  # by place: no snapshot was asked for since
        self.sent: Counter[str] = Counter()  # pilots ever sent, by queue
        self._revisions = itertools.count(1)

    # --- asking ---------------------------------------------------------------------------------

    def open(self, scope: str = FACTORY) -> int:
        """Return the open pilots in `scope`: one of `scopes`."""
        return self._sums[scope]

    def open_at(self, queue: str, place: str, *, ours: bool) -> int:
        """Return the open pilots of `queue` at `place`: those we sent, or those of other books."""
        return self._at.get((queue, place, ours), 0)

    def open_to(self, queue: str, ce: str) -> int:
        """Return the open pilots of `queue` at `ce`, in its one spelling."""
        return self._to[queue, ce]

    def queues_at(self, place: str) -> set[str]:
        """Return the queues with open lines at `place`."""
        return {b.queue for b in self._at_place.get(place, {}).values()}

    def places_of(self, queue: str) -> set[str]:
        """Return the places where `queue` has open lines."""
        at = self._at
        return {p for p in self._at_place if (queue, p, True) in at or (queue, p, False) in at}

    @property
    def places(self) -> tuple[str, ...]:
        """Return every place with open lines."""
        return tuple(p for p, there in self._at_place.items() if there)

    def line(self, tag: str) -> Batch | None:
        """Return the line of `tag`, while it is open or has lost pilots."""
        return self._lines.get(tag)

    def knew(self, tag: str) -> bool:
        """Return whether a line of `tag` is open, or was closed lately."""
        return tag in self._lines or tag in self._closed

    def cluster_of(self, tag: str) -> str | None:
        """Return the cluster of a line that is open, or was closed lately.

        None: there is no such line; empty: its cluster is not known.
        """
        line = self._lines.get(tag)
        if line is not None:
            return line.cluster
        return (self._closed[tag] or "") if tag in self._closed else None

    def has(self, tag: str, job: str) -> bool:
        """Return whether the pilot `job` (`cluster.proc`) that carries `tag` is of a line known here."""
        return same_cluster(self.cluster_of(tag), cluster_in(job))

    def given_up(self, tag: str) -> bool:
        """Return whether `tag` is of an intent that was closed as never sent."""
        return self._closed.get(tag, "") is None

    def lines(self, place: str, queue: str | None = None) -> list[Batch]:
        """Return the open lines at `place`, of one queue or of all."""
        there = self._at_place.get(place, {}).values()
        return [b for b in there if queue in (None, b.queue)]

    def underway(self, before: float) -> dict[str, set[str]]:
        """Return by queue the clusters of open lines that were begun `before` that Unix time.

        Empty among them: a cluster is not known.
        """
        found: dict[str, set[str]] = {}
        for line in self._lines.values():
            if line.open and line.intended < before:
                found.setdefault(line.queue, set()).add(line.cluster)
        return found

    def lost_at(self, place: str) -> int:
        """Return the pilots at `place` that were written off, while their lines are kept."""
        return sum(b.lost.bit_count() for b in self.lost_lines(place))

    def lost_lines(self, place: str) -> list[Batch]:
        """Return the lines at `place` with pilots that were written off."""
        return [b for b in self._lines.values() if b.place == place and b.lost]

    def unresolved(self, place: str | None = None, queue: str | None = None) -> list[Batch]:
        """Return the intents whose outcome is not known and that nobody is submitting now."""
        return [
            b
            for b in self._intended.values()
            if not b.busy and place in (None, b.place) and queue in (None, b.queue)
        ]

    def unseen(self, queue: str, place: str, since: float) -> int:
        """Return the pilots of `queue` that an answer of `place`, asked for at `since`, need not show."""
        return sum(b.open for b in self.unseen_lines(place, since) if b.queue == queue)

    def unseen_lines(self, place: str, since: float) -> list[Batch]:
        """Return the lines that an answer of `place`, asked for at `since`, need not show."""
        lines = self._just_sent.get(place, {}).values()
        return [b for b in lines if b.state == "intended" or b.sent_at >= since]

    def totals(self) -> Mapping[str, int]:
        """Return every sum that is not zero: for those who check them."""
        return {scope: n for scope, n in self._sums.items() if n}

    # --- changing -------------------------------------------------------------------------------

    def load(self, batch: Batch) -> None:
        """Take in a line that an earlier life has written down."""
        self._add(batch)

    def begin(self, batch: Batch) -> None:
        """Count the pilots of an intent from now on."""
        self._add(batch)
        self._note(batch)

    def confirm(
        self, batch: Batch, cluster: str, procs: int, at: float, *, supposed: bool = False
    ) -> None:
        """Note that the pilots `procs` (bits) of `batch` are known to have been sent, since `at`."""
        if batch.state != "intended":
            if batch.supposed and not supposed:  # the reply has come after all
                if batch.cluster != cluster:
                    self.correct(batch, cluster, procs)
                self.sure(batch)
            return
        with _Change(self, batch):
            batch.supposed = supposed
            batch.state, batch.busy, batch.doubts = "sent", False, ()
            batch.cluster, batch.sent_at = cluster, at
            batch.members = batch.alive = procs
            batch.n = procs.bit_count()
        self.sent[batch.queue] += batch.n

    def correct(self, batch: Batch, cluster: str, procs: int) -> None:
        """Note that the pilots of `batch` are `procs` (bits) of `cluster`: what was supposed is a copy."""
        with _Change(self, batch):
            batch.cluster, batch.doubts, batch.lost = cluster, (), 0
            batch.members = batch.alive = procs

    def sure(self, batch: Batch) -> None:
        """Note that the cluster of `batch` is known: a second look-up has shown it, or the reply."""
        if batch.supposed:
            with _Change(self, batch):
                batch.supposed = False

    def drop(self, batch: Batch) -> None:
        """Note that the pilots of an intent were certainly not sent."""
        if batch.state != "intended":
            return
        with _Change(self, batch):
            batch.state, batch.busy, batch.n = "closed", False, 0

    def end(self, batch: Batch, procs: int) -> int:
        """Note that the pilots `procs` (bits) have ended; return how many of them were open."""
        if batch.state == "intended":
            return 0
        new = (batch.alive | batch.lost) & procs
        open_before = batch.open
        if new:
            with _Change(self, batch):
                batch.alive &= ~new
                batch.lost &= ~new
                batch.believe(new)
        return open_before - batch.open

    def write_off(self, batch: Batch, procs: int) -> int:
        """Count the pilots `procs` (bits) as lost; return how many they are."""
        gone = batch.alive & procs
        if gone:
            with _Change(self, batch):
                batch.alive &= ~gone
                batch.lost |= gone
                batch.believe(gone)
        return gone.bit_count()

    def found(self, batch: Batch, procs: int) -> int:
        """Note that the pilots `procs` (bits) are there after all; return how many were lost."""
        back = batch.lost & procs
        if back:
            with _Change(self, batch):
                batch.lost &= ~back
                batch.alive |= back
        return back.bit_count()

    def extend(self, batch: Batch, procs: int) -> int:
        """Note pilots (bits) of an adopted `batch` that nobody had seen before; return how many."""
        new = procs & ~batch.members
        if new:
            with _Change(self, batch):
                batch.members |= new
                batch.alive |= new
                batch.n = batch.members.bit_count()
        return new.bit_count()

    def settle(self, batch: Batch, place: str, identity: str) -> None:
        """Say by which place and identity the pilots of `batch` are (two spellings were one, say)."""
        if (batch.place, batch.identity) != (place, identity):
            with _Change(self, batch):
                batch.place, batch.identity = place, identity

    def release(self, batch: Batch) -> None:
        """Note that nobody submits `batch` any more, and that its outcome is not known."""
        batch.busy = False

    def snapshot_asked(self, place: str, at: float) -> None:
        """Forget what every answer of `place` asked for from `at` on must show."""
        there = self._just_sent.get(place, {})
        for tag in [t for t, b in there.items() if b.state != "intended" and b.sent_at < at]:
            del there[tag]

    def _note(self, batch: Batch) -> None:
        batch.revision = next(self._revisions)
        self.changed[batch.tag] = batch

    # --- sums -----------------------------------------------------------------------------------

    def _add(self, batch: Batch) -> None:
        if batch.tag in self._lines:
            raise ValueError(f"{batch.tag} is in the book already")
        self._lines[batch.tag] = batch
        self._closed.pop(batch.tag, None)
        self._count(batch, +1)

    def _count(self, batch: Batch, sign: int) -> None:
        n, place = sign * batch.open, batch.place
        for scope in scopes(batch.queue, batch.ce, place):
            self._sums[scope] += n
            if not self._sums[scope]:
                del self._sums[scope]
        at = (batch.queue, place, batch.mark == self.mark)
        self._at[at] += n
        if not self._at[at]:
            del self._at[at]
        to = (batch.queue, batch.ce)
        self._to[to] += n
        if not self._to[to]:
            del self._to[to]
        if batch.state == "intended":
            if sign > 0:
                self._intended[batch.tag] = batch
            else:
                del self._intended[batch.tag]
        if sign > 0 and batch.open:
            self._at_place.setdefault(place, {})[batch.tag] = batch
            if batch.state == "intended" or batch.sent_at > float("-inf"):
                self._just_sent.setdefault(place, {})[batch.tag] = batch
        elif sign < 0:
            self._at_place.get(place, {}).pop(batch.tag, None)
            if not self._at_place.get(place, True):
                del self._at_place[place]
            self._just_sent.get(place, {}).pop(batch.tag, None)

    def _close(self, batch: Batch) -> None:
        if batch.state == "sent" and not batch.alive:
            batch.state = "closed"
        elif batch.state == "closed" and batch.alive:
            batch.state = "sent"
            self._lines[batch.tag] = batch
            self._closed.pop(batch.tag, None)
        if batch.state == "closed" and not batch.lost:
            self._lines.pop(batch.tag, None)
            self._closed[batch.tag] = batch.cluster if batch.n else None
            while len(self._closed) > REMEMBER:
                self._closed.popitem(last=False)


class _Change:
    """While a line is changed it is out of the sums."""

    def __init__(self, book: Book, batch: Batch):
        self._book, self._batch = book, batch

    def __enter__(self) -> None:
        self._book._count(self._batch, -1)

    def __exit__(self, *_: object) -> None:
        self._book._close(self._batch)
        self._book._count(self._batch, +1)
        self._book._note(self._batch)
