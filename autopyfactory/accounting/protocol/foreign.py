"""Pilots with our factory's name that this book has no line of: taken over, or told of."""

from __future__ import annotations

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts, Run
from autopyfactory.accounting.requests import Recall, Searched, TagCount, TagFound, Tell
from autopyfactory.model.text import count


def strangers_in(accounts: Accounts, surveyed: dict[str, TagCount]) -> Run:
    """Return the tags that this book has no line of, and those of intents that it had given up.

    The pilots of these are there after all: they are no strangers, also when it was an earlier life.
    """
    book = accounts.book
    given_up = {tag: seen for tag, seen in surveyed.items() if book.given_up(tag)}
    unknown = {tag: seen for tag, seen in surveyed.items() if not book.knew(tag)}
    if not unknown:
        return {}, given_up
    answer = yield Recall(frozenset(unknown))
    given_up |= {tag: seen for tag, seen in unknown.items() if answer.value.get(tag, "") is None}
    return {tag: seen for tag, seen in unknown.items() if tag not in answer.value}, given_up


def left_over(
    book: Book, surveyed: dict[str, TagCount], strangers: dict[str, TagCount]
) -> dict[str, TagCount]:
    """Return the tags of other books that were taken over in part, by an answer that had not all of them.

    What was taken over has ended, so the line is closed: the others are nobody's.
    """
    return {
        tag: seen
        for tag, seen in surveyed.items()
        if seen.mark != book.mark and seen.alive and book.line(tag) is None and tag not in strangers
    }


def take_over(accounts: Accounts, place: Place, new: dict[str, TagCount], found: Searched) -> Run:
    """Take pilots into the book that were found at the start, or that an operator wants taken over."""
    n = 0
    place = accounts.places.get(place.name)  # another name of it may have been found out meanwhile
    for tag, seen in new.items():
        there = found.tags.get(tag, TagFound("", 0, 0))
        if not there.alive or accounts.book.line(tag) is not None:
            continue
        members = there.alive
        batch = Batch(
            tag, seen.queue, place.name, accounts.ce_of(seen.queue), members.bit_count(),
            identity=place.identity, mark=seen.mark, state="sent", cluster=there.cluster,
            members=members, alive=members, supposed=seen.mark == accounts.book.mark,
        )  # fmt: skip
        accounts.book.begin(batch)
        if batch.mark == accounts.book.mark:  # sent by this book after all: its intent was given up
            accounts.book.sent[batch.queue] += batch.n
        n += batch.n
    if n:
        yield Tell(
            "adopted", place.name,
            f"{count(n, 'pilot')} with our factory's name at {place.name} were not in the book: they are now",
            pilots=n,
        )  # fmt: skip


def accuse(place: Place, strangers: dict[str, TagCount], at: float) -> Run:
    """Note pilots of somebody else with our factory's name; nothing is sent there until somebody says so."""
    news = {tag: (t.queue, t.mark, t.alive) for tag, t in strangers.items()}
    if not news:
        return
    told = place.foreign_since is not None
    place.foreign = news
    if not told:
        place.foreign_since = at
        n = sum(t.alive for t in strangers.values())
        marks = ", ".join(sorted({t.mark or "none" for t in strangers.values()}))
        yield Tell(
            "foreign", place.name,
            f"{count(n, 'pilot')} with our factory's name and mark {marks} appeared at {place.name}: a "
            "second factory uses our factoryId. No more is sent there until `autopyfactory pilots adopt`",
            pilots=n, alarm=True,
        )  # fmt: skip


def adopt(accounts: Accounts, name: str) -> None:
    """Let the next poll of a place take over whatever carries our factory's name there."""
    accounts.places.begin_anew(accounts.places.get(name))
