"""Places where pilots are (a schedd, this machine), who they are, and what they last said. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autopyfactory.accounting import spelling
from autopyfactory.accounting.absence import Absence, Absent
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.model.info import BatchQueueInfo


@dataclass(frozen=True, slots=True)
class View:
    """What a place answered when it was asked for its counts at monotonic time `asked`."""

    asked: float
    queues: Mapping[str, BatchQueueInfo]  # all pilots with our factory's name
    others: Mapping[str, int]  # of them, those that carry another book's mark or none, by queue


@dataclass(slots=True)
class Place:
    """One place. Its identity says whether it is still the same one: a schedd's name, host and job queue."""

    name: str
    identity: str = ""  # empty: it has not told yet
    cursor: str = ""  # how far its endings have been read; the place's own words
    spec: str = ""  # how to reach it when no queue names it any more; the plugins' own words
    # Only in memory:
    ready: bool = False  # the pilots found there at the start of this life are in the book
    beginnings: int = 0  # which one of `Places.beginnings` took `ready` back: no poll of before can give it
    view: View | None = None
    ended: Counter[tuple[str, bool]] = field(default_factory=Counter)  # since that view, by (queue, ours)
    strange: frozenset[str] = frozenset()  # queues of which that view shows more than the book has
    rival: str = ""  # who of this host sends there already under our factory's name, see `claims`
    heard: float = float("-inf")  # monotonic: when its identity last answered, under any name
    stranger: str = ""  # the other identity that answers under this name
    stranger_since: float | None = None  # monotonic
    stranger_name: str = ""  # under which of the place's names it answers
    strangers: dict[str, Absent] = field(default_factory=dict)  # by name of the place
    specs: dict[str, str] = field(default_factory=dict)  # how to reach it, by the name in use
    surveyed: float = float("-inf")  # monotonic: when its tags were last asked for and told
    foreign: dict[str, tuple[str, str, int]] = field(default_factory=dict)  # tag: queue, mark, pilots
    foreign_since: float | None = None  # monotonic: nothing is sent from then on, until somebody says so
    # By queue, where nobody can tell pilots apart: how many are missing, the longest ones first.
    short: dict[str, tuple[Absence, ...]] = field(default_factory=dict)
    looked: float = float("-inf")  # monotonic: when what was found out last about its pilots was asked
    pace: float = float("inf")  # seconds from one poll to the next of whoever found that out
    merged: bool = False  # its lines went to another name of it: whoever still works on it leaves them alone

    def counted_since(self, asked: float) -> bool:
        """Return whether what is known of this place was asked for after `asked` (monotonic)."""
        return self.view is not None and self.view.asked > asked

    def take(self, view: View) -> None:
        """Let `view` be what is known of this place."""
        self.view = view
        self.ended.clear()

    def stranger_at(self, name: str, identity: str, asked: float, silence: float) -> float:
        """Note that a stranger answered under `name` what was asked at `asked`; return since when it has.

        Until then the place itself may have answered there, or another one that had taken its name. silence:
        how long nobody may have asked before it may have been back between.
        """
        known = self.strangers.get(name)
        if known is None or known.who != identity:
            known = Absent(identity, asked, asked, asked)
        self.strangers[name] = known = known.again(asked, silence)
        return known.believed

    def is_back(self) -> None:
        """Note that it is the one it was again, or that whoever answers is what it is now."""
        self.stranger, self.stranger_since = "", None
        self.strangers.clear()

    def begun(self, beginnings: int) -> None:
        """Note that what was there is in the book, by a poll that began after so many `Places.beginnings`."""
        if beginnings >= self.beginnings:
            self.ready = True


class Places:
    """All places by name, each in its one spelling; names of one and the same place lead to one."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self.aliases: dict[str, str] = {}
        self.beginnings = 0  # how often a place began anew

    def begin_anew(self, place: Place) -> None:
        """Let a poll that begins from now on take over whatever carries our factory's name at `place`."""
        self.beginnings += 1
        place.beginnings, place.ready = self.beginnings, False
        place.foreign.clear()
        place.foreign_since = None
        place.short.clear()

    def get(self, name: str) -> Place:
        """Return the place that people call `name`; make it when it is new."""
        known = self.resolve(name)
        place = self._places.get(known)
        if place is None:
            place = self._places[known] = Place(known)
        return place

    def resolve(self, name: str) -> str:
        """Return the one spelling of the place that people call `name`."""
        one = self.aliases.get(name)  # most callers have the one spelling already
        if one is None and name not in self._places:
            name = spelling.schedd(name)
            one = self.aliases.get(name)
        return one if one is not None else name

    def __iter__(self) -> Iterator[Place]:
        """Yield every place."""
        return iter(tuple(self._places.values()))

    def twin(self, place: Place, identity: str) -> Place | None:
        """Return another place that is the same one, by its identity."""
        if not identity:
            return None
        twins = (p for p in self._places.values() if p is not place and p.identity == identity)
        return next(twins, None)

    def hear(self, identity: str, at: float) -> None:
        """Note that who has this identity answered at monotonic time `at`, under whatever name."""
        for place in self._places.values():
            if place.identity == identity:
                place.heard = max(place.heard, at)

    def merge(self, book: Book, place: Place, into: Place) -> None:
        """Note that `place` is only another name of `into`."""
        for batch in book.lines(place.name):
            book.settle(batch, into.name, into.identity)
            batch.forget_doubts()  # when it was looked for there says nothing of looks here
        self._rename(place.name, into.name)
        self._places.pop(place.name, None)
        place.merged = True
        into.specs.update(place.specs)
        into.spec = into.specs.get(into.name, into.spec)
        into.view = None  # its counts are compared with more lines now than when they were asked for

    def home_of(self, batch: Batch) -> str:
        """Return the place of a line as it was written down: of its place more may be written down by now."""
        name = self.aliases.get(batch.place, batch.place)
        place = self._places.get(name)
        if place is None or not batch.identity or place.identity in ("", batch.identity):
            return name
        return next((p.name for p in self if p.identity == batch.identity), name)

    def another_name(self, place: Place, name: str) -> str:
        """Return a name of `place` other than `name`; empty: it has none."""
        names = {place.name, *(alias for alias, one in self.aliases.items() if one == place.name)}
        return min(names - {name}, default="")

    def part(self, book: Book, place: Place, name: str, other: str) -> None:
        """Let `name`, which leads elsewhere, be no name of `place` any more; it is called `other`, too.

        How that name is reached stays known: whoever polls it goes on, and tells nobody anew.
        """
        if place.name == name:
            for batch in book.lines(name):
                book.settle(batch, other, place.identity)
            self._places[other] = self._places.pop(name)
            self._rename(name, other)
            place.name, place.spec = other, place.specs.get(other, "")
        self.aliases[name] = name  # so that it is written over what is on disk
        self.aliases[other] = place.name
        new, spec = self.get(name), place.specs.pop(name, "")
        if spec:
            new.spec = new.specs[name] = spec

    def _rename(self, place: str, to: str) -> None:
        self.aliases[place] = to
        for name, one in self.aliases.items():
            if one == place:
                self.aliases[name] = to


def spec_text(plugin: str, options: Mapping[str, Any]) -> str:
    """Return how a place is reached, as it is kept."""
    return json.dumps({"plugin": plugin, "options": dict(options)}, sort_keys=True)
