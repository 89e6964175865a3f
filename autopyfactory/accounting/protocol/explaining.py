"""Find out about intents without outcome, about what is missing and about what is too many."""

from __future__ import annotations

from dataclasses import dataclass

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.conservation import balance, doubted, indistinct, shows_more, troubled
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts, Poll, Run, saved, silence
from autopyfactory.accounting.protocol.foreign import accuse, left_over, strangers_in, take_over
from autopyfactory.accounting.protocol.identity import is_home
from autopyfactory.accounting.protocol.resolving import by_count, resolve
from autopyfactory.accounting.requests import Answer, NoAnswer, NotDone, Search, Survey, Surveyed, TagCount


def explain(accounts: Accounts, place: Place, poll: Poll) -> Run:
    """Find out about intents without outcome, about what is missing and about what is too many."""
    book, first = accounts.book, not place.ready
    uneven = troubled(book, place)
    unsure = uneven.keys() | doubted(book, place)
    if first or poll.asked - place.surveyed >= accounts.policy.apart:
        unsure |= indistinct(place)
    intents = book.unresolved(place.name)
    # While pilots are to be taken over, endings do not explain that more are shown than there are lines.
    survey = bool(unsure) or (first and shows_more(book, place))
    if not survey and not intents:
        if _looked(accounts, place, poll, poll.asked):
            place.begun(poll.beginnings)
        return
    try:
        found_out = yield from _look_up(accounts, place, intents, unsure, survey, first)
    except NoAnswer:
        return
    except NotDone:  # nobody there can tell tags apart
        longest = _longest(accounts, place, poll)
        if place.counted_since(poll.asked) or not _looked(accounts, place, poll, poll.asked):
            return
        yield from by_count(accounts, place, uneven, poll.asked, longest)
    else:
        if not _looked(accounts, place, poll, found_out.asked(poll.asked)):
            return
        yield from _take_in(accounts, place, found_out, poll, first)
    place.begun(poll.beginnings)
    yield saved(accounts, place)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a look-up has found out of the lines and tags that were not clear."""

    wanted: list[Batch]  # what was looked for: lines of the book
    new: dict[str, TagCount]  # and pilots to be taken over
    strangers: dict[str, TagCount]
    answer: Answer | None  # to `Search`; None: there was nothing to search for

    def asked(self, counted: float) -> float:
        """Return when it was asked: for want of a search with the counts, at `counted`."""
        return counted if self.answer is None else self.answer.asked


def _look_up(
    accounts: Accounts, place: Place, intents: list[Batch], unsure: set[str], survey: bool, first: bool
) -> Run:
    """Look up `intents`, and what does not balance of the queues `unsure`. Throws NoAnswer, NotDone."""
    book = accounts.book
    surveyed = (yield from _survey(accounts, place)) if survey else {}
    strangers, given_up = yield from strangers_in(accounts, surveyed)
    wanted = [*intents, *_suspects(book, place, unsure, surveyed)]
    new = given_up | left_over(book, surveyed, strangers) | (strangers if first else {})
    answer: Answer | None = None
    if wanted or new:
        tags = frozenset(b.tag for b in wanted) | frozenset(new)
        most = sum(b.n for b in wanted) + sum(t.alive for t in new.values())
        answer = yield Search(place.name, tags, most)
        if not is_home(place, answer.value.identity):
            raise NoAnswer("another place answered")
    return _Found(wanted, new, strangers, answer)


def _take_in(accounts: Accounts, place: Place, found: _Found, poll: Poll, first: bool) -> Run:
    """Bring the book to what was found out."""
    at = found.asked(poll.asked)
    if found.answer is not None:
        for batch in found.wanted:
            yield from resolve(accounts, place, batch, found.answer.value, at)
        yield from take_over(accounts, place, found.new, found.answer.value)
    if place.ready and not first:  # an operator may have wanted them taken over meanwhile
        yield from accuse(place, found.strangers, at)


def _looked(accounts: Accounts, place: Place, poll: Poll, at: float) -> bool:
    """Note that what was asked at `at` is answered; return False if that is late: others have looked since.

    After a silence what was not there before it is looked for anew. What is there is not looked for any more.
    """
    if at < place.looked:
        return False
    if at - place.looked > _longest(accounts, place, poll):
        for batch in accounts.book.lines(place.name):
            batch.interrupt_doubts(at)
    place.short = {q: short for q, short in place.short.items() if _falls_short(accounts.book, place, q)}
    place.looked, place.pace = at, poll.every
    return True


def _longest(accounts: Accounts, place: Place, poll: Poll) -> float:
    """Return how long nobody may have looked: as who looked last and who looks now do it."""
    return silence(accounts, min(place.pace, poll.every))


def _falls_short(book: Book, place: Place, queue: str) -> bool:
    """Return whether fewer pilots are shown than are open: who was just sent need not be who is not shown."""
    b = balance(book, place, queue)
    return b.missing + b.unseen > 0


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
