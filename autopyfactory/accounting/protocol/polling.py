"""Count the pilots of a place, read who has ended, and have explained what does not balance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from autopyfactory.accounting.book import bits, cluster_in, same_cluster
from autopyfactory.accounting.conservation import troubled
from autopyfactory.accounting.place import Place, View
from autopyfactory.accounting.protocol.accounts import Accounts, Poll, Run, end, saved
from autopyfactory.accounting.protocol.explaining import explain
from autopyfactory.accounting.protocol.identity import is_home, meet
from autopyfactory.accounting.requests import Count, Counted, Endings, NoAnswer, Publish, ReadEndings, Recall
from autopyfactory.model.ending import Ending


def poll(accounts: Accounts, name: str, every: float = 60.0) -> Run:
    """Count the pilots of a place, read who has ended, and explain what does not balance.

    every: seconds from one poll under this name to the next. Returns whether the place answered as the one
    it is. Throws on what is thrown into the first request: the rest is tried again with the next poll.
    """
    beginnings = accounts.places.beginnings
    answer = yield Count(name)
    counted: Counted = answer.value
    this = Poll(name, every, beginnings, answer.asked, answer.at)
    if not (yield from meet(accounts, this, counted.identity)):
        return False
    place = accounts.places.get(name)  # another name of one that we know, perhaps, or none any more
    if not place.counted_since(this.asked):
        _take(accounts, place, counted, this.asked)
    yield from _endings(accounts, place, this)
    yield from explain(accounts, place, this)
    return True


def _take(accounts: Accounts, place: Place, counted: Counted, asked: float) -> None:
    book = accounts.book
    place.take(View(asked, counted.queues, counted.others))
    book.snapshot_asked(place.name, asked)
    uneven = troubled(book, place)
    place.strange = frozenset(q for q, b in uneven.items() if b.surplus or b.foreign)


def _endings(accounts: Accounts, place: Place, poll: Poll) -> Run:
    """Read the endings since the last time, and close what has ended."""
    try:
        answer = yield ReadEndings(place.name, place.cursor)
    except NoAnswer:
        return  # they count as pending until the next time
    endings: Endings = answer.value
    if not is_home(place, endings.identity):
        return
    ours = yield from _ours(accounts, place, endings.pilots)  # before their lines are closed
    by_tag: dict[str, list[int]] = {}
    for tag, proc, *cluster in endings.ended:
        if same_cluster(accounts.book.cluster_of(tag), *cluster):
            by_tag.setdefault(tag, []).append(proc)
    for tag, procs in by_tag.items():
        batch = accounts.book.line(tag)
        # Of an intent only a search knows all, and of what was supposed.
        if batch is not None and batch.state != "intended" and not batch.supposed:
            end(accounts, place, batch, bits(procs))
    book = accounts.book
    starts = tuple(
        replace(s, ce=line.ce) if (line := book.line(s.tag)) else s
        for s in endings.starts
        if book.has(s.tag, s.job)
    )
    if ours or starts:  # kept before the cursor moves on: they are not told again
        try:
            yield Publish(place.name, ours, starts)
        except NoAnswer:
            return
    known = place.cursor
    if place.beginnings <= poll.beginnings:  # else it may be another one by now, with a history of its own
        place.cursor = endings.cursor
    if place.cursor != known or accounts.book.changed:
        yield saved(accounts, place)


def _ours(accounts: Accounts, place: Place, pilots: Iterable[Ending]) -> Run:
    """Return the endings of pilots that this book has sent or adopted, with what it knows of each."""
    book = accounts.book
    unknown = frozenset(e.tag for e in pilots if not book.knew(e.tag))
    closed: Mapping[str, str | None] = {}
    if unknown:  # a look-up may have closed their lines in an earlier life
        try:
            answer = yield Recall(unknown)
            closed = answer.value
        except NoAnswer:
            pass  # then these are not told of
    found = []
    for e in pilots:
        if book.has(e.tag, e.job) or same_cluster(closed.get(e.tag), cluster_in(e.job)):
            line = book.line(e.tag)
            queue = line.queue if line else e.queue
            found.append(
                replace(e, place=place.name, queue=queue, ce=line.ce if line else accounts.ce_of(queue))
            )
    return tuple(found)
