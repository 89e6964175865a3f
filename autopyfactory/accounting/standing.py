"""What is to be told about one place: its balance, what holds it back, and since when."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.conservation import Balance, balance
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts
from autopyfactory.accounting.protocol.holding import holds


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be told about one place."""

    name: str
    identity: str
    balance: Balance
    lost: int
    submissions: int  # those whose outcome is not known
    unresolved: int  # pilots of these
    holds: tuple[str, ...]
    # Ages in seconds; None: there are none of them, or since when is not known.
    age: float | None  # since its counts were asked for; None: it has not answered
    missing_age: float | None  # since the first of them was looked up in vain
    foreign_age: float | None  # since they were told of
    stranger_age: float | None  # since somebody else answers under its name
    queues: Mapping[str, Balance]
    open_age: float | None = None  # since the oldest of them was sent; so are the next two
    unseen_age: float | None = None
    lost_age: float | None = None
    unresolved_age: float | None = None


def standing(accounts: Accounts, place: Place, now: float, wall: float) -> Standing:
    """Return what is to be told about `place` at monotonic time `now`, which is Unix time `wall`."""
    book = accounts.book
    shown = set(place.view.queues) if place.view else set()
    queues = {q: balance(book, place, q) for q in sorted(book.queues_at(place.name) | shown)}
    total = Balance()
    for one in queues.values():
        total += one
    lines = book.lines(place.name)
    absences = itertools.chain(*(b.doubts for b in lines), *place.short.values())
    since = [absence.first for absence in absences]

    def age(at: float | None) -> float | None:
        return None if at is None else now - at

    def oldest(batches: Iterable[Batch]) -> float | None:
        sent = min((b.intended for b in batches if b.intended), default=None)  # nobody knows of adopted ones
        return None if sent is None else max(0.0, wall - sent)

    return Standing(
        place.name,
        place.identity,
        total,
        lost=book.lost_at(place.name),
        submissions=len(book.unresolved(place.name)),
        unresolved=sum(b.n for b in book.unresolved(place.name)),
        holds=holds(accounts, place),
        age=age(place.view.asked if place.view else None),
        missing_age=age(min(since, default=None)),
        foreign_age=age(place.foreign_since),
        stranger_age=age(place.stranger_since),
        queues=queues,
        open_age=oldest(lines),
        unseen_age=oldest(book.unseen_lines(place.name, place.view.asked)) if place.view else None,
        lost_age=oldest(book.lost_lines(place.name)),
        unresolved_age=oldest(book.unresolved(place.name)),
    )
