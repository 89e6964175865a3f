"""Find out about intents without outcome, about what is missing and about what is too many."""

from __future__ import annotations

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.conservation import doubted, indistinct, shows_more, troubled
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts, Run, saved
from autopyfactory.accounting.protocol.foreign import accuse, late, left_over, strangers_in, take_over
from autopyfactory.accounting.protocol.identity import is_home
from autopyfactory.accounting.protocol.resolving import by_count, resolve
from autopyfactory.accounting.requests import NoAnswer, NotDone, Search, Searched, Survey, Surveyed, TagCount


def explain(accounts: Accounts, place: Place, asked: float, beginnings: int) -> Run:
    """Find out about intents without outcome, about what is missing and about what is too many.

    beginnings: those of the place when the poll began, at monotonic time `asked`.
    """
    book, first = accounts.book, not place.ready
    uneven = troubled(book, place)
    unsure = uneven.keys() | doubted(book, place)
    if first or asked - place.surveyed >= accounts.policy.apart:
        unsure |= indistinct(place)
    intents = book.unresolved(place.name)
    # While pilots are to be taken over, endings do not explain that more are shown than there are lines.
    survey = bool(unsure) or (first and shows_more(book, place))
    if not survey and not intents:
        _looked(accounts, place, asked)
        place.begun(beginnings)
        return
    try:
        surveyed = (yield from _survey(accounts, place)) if survey else {}
        strangers = yield from strangers_in(accounts, surveyed)
        wanted = [*intents, *_suspects(book, place, unsure, surveyed)]
        new = late(book, surveyed) | left_over(book, surveyed, strangers) | (strangers if first else {})
        most = sum(b.n for b in wanted) + sum(t.alive for t in new.values())
        found: Searched | None = None
        at = asked
        if wanted or new:
            tags = frozenset(b.tag for b in wanted) | frozenset(new)
            answer = yield Search(place.name, tags, most)
            found, at = answer.value, answer.asked
            if not is_home(place, found.identity):
                raise NoAnswer("another place answered")
    except NoAnswer:
        place.silent = True
        return
    except NotDone:  # nobody there can tell tags apart
        if _looked(accounts, place, asked):
            by_count(accounts, place, uneven, asked)
            place.begun(beginnings)
            yield saved(accounts)
        return
    if not _looked(accounts, place, at):
        return
    if found is not None:
        place.keeps_history = found.history
        for batch in wanted:
            yield from resolve(accounts, place, batch, found, at)
        yield from take_over(accounts, place, new, found)
    if place.ready and not first:  # an operator may have wanted them taken over meanwhile
        yield from accuse(place, strangers, at)
    place.begun(beginnings)
    yield saved(accounts, place)


def _looked(accounts: Accounts, place: Place, at: float) -> bool:
    """Note that what was asked at `at` is answered; return False if that is late: others have looked since.

    After a long silence nothing that was not found before it counts. What was not there then and is not there
    now may have been there between.
    """
    if at < place.looked:
        return False
    if place.silent and at - place.looked > accounts.policy.apart:
        place.short.clear()
        for batch in accounts.book.lines(place.name):
            batch.forget_doubts()
    place.looked, place.silent = at, False
    return True


def _survey(accounts: Accounts, place: Place) -> Run:
    """Return what tags are in the queue."""
    answer = yield Survey(place.name)
    surveyed: Surveyed = answer.value
    if not is_home(place, surveyed.identity):
        raise NoAnswer("another place answered")
    place.surveyed = answer.asked
    return surveyed.tags


def _suspects(book: Book, place: Place, queues: set[str], surveyed: dict[str, TagCount]) -> list[Batch]:
    """Return the lines of `queues` whose pilots a survey does not show as the book has them."""
    lines = [b for q in sorted(queues) for b in book.lines(place.name, q) if b.state == "sent"]
    suspects = []
    for batch in lines:
        seen = surveyed.get(batch.tag)
        if seen is None or seen.alive != batch.open:
            suspects.append(batch)
        else:
            batch.believe()
    # Pilots that were written off may be among those that are too many.
    for tag in surveyed:
        line = book.line(tag)
        if line is not None and line.lost and line not in suspects:
            suspects.append(line)
    return suspects
