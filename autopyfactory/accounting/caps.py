"""Caps, granted against the book alone: what is open in it, intents included. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from autopyfactory.accounting import spelling
from autopyfactory.accounting.book import FACTORY, Book, scopes
from autopyfactory.accounting.conservation import balance
from autopyfactory.accounting.place import Place, Places
from autopyfactory.model.decision import Cap


def scope_of(cap: Cap, place: str, ce: str, queue: str) -> str:
    """Return the book's name of the scope of `cap`, for a queue that sends to `place` and `ce`.

    `ce`, `schedd`, `way` and `queue` alone mean the queue's own.
    """
    own = dict(zip(("factory", "queue", "ce", "schedd", "way"), scopes(queue, ce, place), strict=True))
    kind, colon, name = cap.scope.partition(":")
    if colon and kind == "ce":
        return f"ce:{spelling.ce(name)}"
    return own.get(cap.scope, cap.scope)


def used(book: Book, places: Places, scope: str) -> int:
    """Return the pilots that count in `scope`: those open in the book, and others that places show."""
    kind, _, name = scope.partition(":")
    if scope == FACTORY:
        extra = sum(not_in_book(book, place) for place in places)
    elif kind == "schedd":
        extra = not_in_book(book, places.get(name))
    elif kind == "queue":
        extra = sum(not_in_book(book, place, name) for place in places)
    else:
        extra = 0  # which CE they are at only their own book knows; nothing is sent beside them anyway
    return book.open(scope) + extra


def not_in_book(book: Book, place: Place, queue: str | None = None) -> int:
    """Return the pilots that `place` shows with our factory's name and that are not in the book."""
    if place.view is None:
        return 0
    if queue is None:
        return sum(not_in_book(book, place, q) for q in place.strange)
    b = balance(book, place, queue)
    return b.surplus + b.foreign


def room(
    book: Book, places: Places, n: int, caps: Iterable[Cap], *, place: str, ce: str, queue: str
) -> tuple[int, tuple[str, ...]]:
    """Return how many of `n` pilots `caps` leave for `queue`, and the caps that bit, in words."""
    notes = []
    for cap in caps:
        scope = scope_of(cap, place, ce, queue)
        active = used(book, places, scope)
        left = max(0, cap.maximum - active)
        if left < n:
            notes.append(f"{cap.rule} ({cap.maximum}) leaves {left}: {active} active in {scope}")
            n = left
    return n, tuple(notes)
