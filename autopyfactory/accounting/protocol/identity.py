"""Is a place still the one it was? If not, what becomes of the pilots it had."""

from __future__ import annotations

from autopyfactory.accounting import spelling
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts, Poll, Run, saved, silence
from autopyfactory.accounting.protocol.holding import who_answers
from autopyfactory.accounting.requests import Tell
from autopyfactory.model.text import count


def is_home(place: Place, identity: str) -> bool:
    """Return whether an answer comes from the place that has our pilots, and that place is still in use."""
    return identity == place.identity and not place.merged


def meet(accounts: Accounts, poll: Poll, identity: str) -> Run:
    """Return whether who told its `identity` in a poll is the place that we know. Or may become it."""
    book, places = accounts.book, accounts.places
    name, place = spelling.schedd(poll.name), places.get(poll.name)
    places.hear(identity, poll.at)
    movable = is_home(place, identity) or not place.identity or not book.open(f"schedd:{place.name}")
    if movable and (twin := places.twin(place, identity)) is not None:
        places.merge(book, place, twin)
        twin.is_back()
        yield saved(accounts, twin)
        return True
    if is_home(place, identity):
        if place.stranger_since is not None and place.stranger_name != name:
            yield from _part(accounts, place, place.stranger_name, name, place.stranger)
        place.is_back()
        return True
    if not place.identity or not book.open(f"schedd:{place.name}"):
        if place.identity and (other := places.another_name(place, name)):
            yield from _part(accounts, place, name, other, identity)
            return (yield from meet(accounts, poll, identity))  # others may have polled meanwhile
        yield from settle(accounts, place, identity)
        return True
    since = place.stranger_at(name, identity, poll.asked, silence(accounts, poll.every))
    if place.stranger_since is None:
        place.stranger_since, place.stranger, place.stranger_name = poll.asked, identity, name
        _begin_looking_anew(accounts, place, poll.asked)
        yield Tell(
            "stranger", place.name, who_answers(accounts, place),
            pilots=book.open(f"schedd:{place.name}"), alarm=True,
        )  # fmt: skip
        return False
    place.stranger = identity
    # What answers under whatever name is not gone: its pilots live.
    if poll.asked - max(since, place.heard) < accounts.policy.lease:
        return False
    yield from forget(accounts, place.name, "their lease is over")
    return (yield from meet(accounts, poll, identity))  # it may be another name of one that we know


def _begin_looking_anew(accounts: Accounts, place: Place, at: float) -> None:
    """Let no look in vain of before a stranger came, at `at`, be confirmed by one after that."""
    for batch in accounts.book.lines(place.name):
        batch.forget_doubts()
    place.short.clear()
    place.looked = max(place.looked, at)


def _part(accounts: Accounts, place: Place, name: str, other: str, stranger: str) -> Run:
    """Let `name`, under which a `stranger` answers, be no name of `place` any more; `other` is one.

    If it was somebody else for a moment only, the two are found to be one again.
    """
    accounts.places.part(accounts.book, place, name, other)
    yield saved(accounts, place, accounts.places.get(name))
    yield Tell("parted", place.name, f"{name} is not {place.name} any more: {stranger} answers there")


def settle(accounts: Accounts, place: Place, identity: str) -> Run:
    """Let the place have this identity from now on."""
    before = place.identity
    place.identity = identity
    place.is_back()
    for batch in accounts.book.lines(place.name):
        accounts.book.settle(batch, place.name, identity)
    if before:
        place.cursor, place.view = "", None
        accounts.places.begin_anew(place)
        yield Tell("place-changed", place.name, f"{place.name} is {identity} now, it was {before}")
    yield saved(accounts, place)


def forget(accounts: Accounts, name: str, why: str) -> Run:
    """Count all pilots at a place as lost. Returns how many they were."""
    book, place = accounts.book, accounts.places.get(name)
    n = 0
    for batch in book.lines(place.name):
        if batch.busy:
            continue  # being sent right now: whoever does it will know
        if batch.state == "intended":
            n += batch.n
            book.drop(batch)
        else:
            n += book.write_off(batch, batch.alive)
    if place.stranger_since is not None:
        place.identity, place.cursor, place.view = "", "", None
        accounts.places.begin_anew(place)
    place.is_back()
    yield Tell("forgotten", place.name, f"{count(n, 'pilot')} at {place.name} count as lost: {why}", pilots=n)
    yield saved(accounts, place)
    return n
