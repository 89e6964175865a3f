"""What the protocol works on, how patient it is, and the acts that all its parts share."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Any

from autopyfactory.accounting import absence
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.place import Place, Places
from autopyfactory.accounting.requests import Answer, Request, Write
from autopyfactory.options.common import FactoryOptions

Run = Generator[Request, Answer, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the protocol is, in seconds."""

    # A submission whose sender gave up, or died, can be under way for so long after its schedd answers again:
    # one that hung finds it in its socket then. A look-up before that finds nothing, and says nothing.
    under_way: float = 120.0
    apart: float = 180.0  # between two look-ups that must both find nothing before pilots are written off
    apart_without_history: float = 360.0  # the same at a place that keeps no history
    lease: float = 3600.0  # pilots whose job queue is gone end by themselves


def policy(options: FactoryOptions) -> Policy:
    """Return how patient a factory is to be."""
    return Policy(options.book_underway, options.book_apart, 2 * options.book_apart, options.book_lease)


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll under way: when (monotonic) its first question was asked and answered."""

    name: str  # of the place, as it was called
    every: float  # seconds from poll to poll
    beginnings: int  # `Places.beginnings` when it began
    asked: float
    at: float


@dataclass(slots=True)
class Accounts:
    """All that the protocol works on."""

    book: Book
    places: Places = field(default_factory=Places)
    policy: Policy = field(default_factory=Policy)
    ce_of: Callable[[str], str] = lambda queue: ""  # where a queue sends now: for pilots that are adopted


def silence(accounts: Accounts, every: float) -> float:
    """Return how long nobody may have looked at a place that is polled `every` so often; all in seconds."""
    return absence.silence(accounts.policy.apart, every)


def saved(accounts: Accounts, *places: Place) -> Write:
    """Return the request to write down what has changed."""
    book = accounts.book
    lines = tuple(b.copied() for b in book.changed.values())
    book.changed.clear()
    kept = tuple(replace(p, view=None) for p in places if not p.merged)
    return Write(lines, kept, dict(accounts.places.aliases))


def end(accounts: Accounts, place: Place, batch: Batch, procs: int) -> None:
    """Close the pilots `procs` (bits) of a line, and take them off what the place showed."""
    n = accounts.book.end(batch, procs)
    place.ended[batch.queue, batch.mark == accounts.book.mark] += n
