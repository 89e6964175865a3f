"""Reserve, send, count, resolve, adopt, write off: a state machine that yields its requests.

No I/O, no clock, no threads: each function is a generator that yields a `Request` and is sent its `Answer`,
or has `NoAnswer` or `NotDone` thrown into it. What it does between two yields is one act: whoever drives it
lets nobody else touch the book meanwhile. It may be left at any yield, for ever: whatever was under way is
resolved by the next poll, or after a restart from what the disk has.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autopyfactory.accounting.book import Batch, Book, bits, numbers
from autopyfactory.accounting.caps import room
from autopyfactory.accounting.conservation import Balance, balance, troubled
from autopyfactory.accounting.place import Place, Places, View
from autopyfactory.accounting.requests import (
    Answer,
    Count,
    Counted,
    Endings,
    NoAnswer,
    NotDone,
    ReadEndings,
    Recall,
    Request,
    Search,
    Searched,
    Submit,
    Submitted,
    Survey,
    Surveyed,
    TagCount,
    TagFound,
    Tell,
    Write,
)
from autopyfactory.model.decision import Cap
from autopyfactory.model.text import count

Run = Generator[Request, Answer, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the protocol is, in seconds."""

    # A submission whose sender gave up, or died, can be under way for so long: an earlier look-up that finds
    # nothing says nothing.
    under_way: float = 120.0
    apart: float = 180.0  # between two look-ups that must both find nothing before pilots are written off
    apart_without_history: float = 360.0  # the same at a place that keeps no history
    lease: float = 3600.0  # pilots whose job queue is gone end by themselves


@dataclass(slots=True)
class Accounts:
    """All that the protocol works on."""

    book: Book
    places: Places = field(default_factory=Places)
    policy: Policy = field(default_factory=Policy)
    ce_of: Callable[[str], str] = lambda queue: ""  # where a queue sends now: for pilots that are adopted


# --- sending ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """What a queue wants to send."""

    queue: str
    place: str
    ce: str  # in its one spelling
    n: int
    cores: int = 1
    memory_mb: int = 0
    chunk: int = 100  # pilots of one submission
    seen: int | None = None  # its open pilots when it decided; None: it did not look
    caps: tuple[Cap, ...] = ()


@dataclass(slots=True)
class SentBatch:
    """What came of one submission."""

    batch: Batch
    count: int = 0
    error: str = ""
    unknown: bool = False  # pilots may or may not have been sent


@dataclass(slots=True)
class Sending:
    """What came of an `Ask`."""

    sent: list[SentBatch] = field(default_factory=list)
    granted: int = 0
    notes: tuple[str, ...] = ()  # what took away from the number, in words


def send(
    accounts: Accounts, ask: Ask, new_tag: Callable[[], str], stopping: Callable[[], bool] = lambda: False
) -> Run:
    """Send up to `ask.n` pilots, chunk by chunk, as far as the caps allow and until one submission fails.

    Returns a `Sending`.
    """
    done = Sending()
    left = ask.n
    while left > 0 and not stopping():
        n, notes = reserve(accounts, replace(ask, n=min(left, ask.chunk)), done.granted)
        done.notes = notes or done.notes
        if n <= 0:
            break
        place = accounts.places.get(ask.place)
        batch = Batch(
            new_tag(), ask.queue, place.name, ask.ce, n, ask.cores, ask.memory_mb,
            identity=place.identity, mark=accounts.book.mark, busy=True,
        )  # fmt: skip
        accounts.book.begin(batch)
        done.granted += n
        left -= n
        result = yield from _send_one(accounts, batch, place.identity)
        done.sent.append(result)
        if result.error or notes:
            break
    return done


def reserve(accounts: Accounts, ask: Ask, granted: int = 0) -> tuple[int, tuple[str, ...]]:
    """Return how many of `ask.n` pilots may be sent now, and why no more.

    `granted` of the queue's open pilots were reserved for the same decision before.
    """
    book, places = accounts.book, accounts.places
    place = places.get(ask.place)
    if reasons := holds(accounts, place):
        return 0, reasons
    n = ask.n
    notes: list[str] = []
    if ask.seen is not None:
        n, notes = not_decided_twice(book, ask, granted)
    n, bit = room(book, places, n, ask.caps, place=place.name, ce=ask.ce, queue=ask.queue)
    return n, (*notes, *bit)


def not_decided_twice(book: Book, ask: Ask, granted: int) -> tuple[int, list[str]]:
    """Return what is left of `ask.n` when the queue has got more pilots since it was decided on."""
    assert ask.seen is not None
    more = book.open(f"queue:{ask.queue}") - ask.seen - granted
    if more <= 0:
        return ask.n, []
    left = max(0, ask.n - more)
    return left, [f"{count(more, 'pilot')} more since this was decided: {left} of {ask.n} left"]


def _send_one(accounts: Accounts, batch: Batch, identity: str) -> Run:
    """Write the intent, submit, confirm; returns a `SentBatch`."""
    book = accounts.book
    try:
        book.changed.pop(batch.tag, None)
        written = yield Write((replace(batch),), durable=True)
        batch.intended = written.wall
    except (NoAnswer, NotDone) as err:
        book.drop(batch)
        yield _saved(accounts)
        return SentBatch(batch, error=f"the intent cannot be written down: {err}")
    except BaseException:
        book.release(batch)
        raise
    try:
        answer = yield Submit(replace(batch), identity)
    except NotDone as err:
        book.drop(batch)
        yield _saved(accounts)
        return SentBatch(batch, error=str(err) or "refused")
    except NoAnswer as err:
        book.release(batch)
        return SentBatch(batch, batch.n, f"outcome not known: {err}", unknown=True)
    except BaseException:
        book.release(batch)
        raise
    sent: Submitted = answer.value
    # A poll may have found them already, in a tag's search that came between.
    book.confirm(batch, sent.cluster, sent.procs, answer.at)
    yield _saved(accounts)
    return SentBatch(batch, sent.procs.bit_count())


def _saved(accounts: Accounts, *places: Place) -> Write:
    """Return the request to write down what has changed."""
    book = accounts.book
    lines = tuple(replace(b) for b in book.changed.values())
    book.changed.clear()
    totals = {b.queue: book.sent[b.queue] for b in lines if b.state != "intended"}
    return Write(lines, tuple(replace(p, view=None) for p in places), dict(accounts.places.aliases), totals)


# --- what holds a place back --------------------------------------------------------------------------


def holds(accounts: Accounts, place: Place) -> tuple[str, ...]:
    """Return why nothing may be sent to `place` now; empty when something may."""
    if place.stranger_since is not None:
        return (who_answers(accounts, place),)
    if place.view is None:
        return (f"nobody has counted the pilots at {place.name} yet",)
    if not place.ready:
        return (f"the pilots at {place.name} are being looked up",)
    if place.foreign_since is not None:
        n = sum(n for _, _, n in place.foreign.values())
        return (
            f"{count(n, 'pilot')} with our factory's name at {place.name} are not from this book: does a "
            f"second factory use it? `autopyfactory pilots adopt {place.name}` takes them over",
        )
    unexplained = sum(balance(accounts.book, place, q).foreign for q in place.strange)
    if unexplained:
        return (f"{count(unexplained, 'pilot')} at {place.name} carry another mark and are being looked up",)
    return ()


# --- counting -----------------------------------------------------------------------------------------


def poll(accounts: Accounts, name: str) -> Run:
    """Count the pilots of a place, read who has ended, and explain what does not balance.

    Returns whether the place answered as the one it is. Throws on what is thrown into the first request:
    the rest is tried again with the next poll.
    """
    answer = yield Count(name)
    counted: Counted = answer.value
    place = accounts.places.get(name)
    if not (yield from _meet(accounts, place, counted.identity, answer.at)):
        return False
    place = accounts.places.get(name)  # another name of one that we know, perhaps
    _take(accounts, place, counted, answer.asked)
    yield from _endings(accounts, place)
    yield from _explain(accounts, place, answer.asked)
    return True


def who_answers(accounts: Accounts, place: Place) -> str:
    """Say that a place is not the one that it was."""
    n = accounts.book.open(f"schedd:{place.name}")
    return (
        f"{place.name} is not the one it was: {place.stranger or 'one that does not say who it is'} answers "
        f"instead of {place.identity}, where {count(n, 'pilot')} of ours may still run: wait, or "
        f"`autopyfactory pilots forget {place.name}`"
    )


def _take(accounts: Accounts, place: Place, counted: Counted, asked: float) -> None:
    book = accounts.book
    place.take(View(asked, counted.queues, counted.others))
    book.snapshot_asked(place.name, asked)
    uneven = troubled(book, place)
    place.strange = frozenset(q for q, b in uneven.items() if b.surplus or b.foreign)
    clear_doubts(book.lines(place.name), uneven)


def clear_doubts(lines: Iterable[Batch], uneven: dict[str, Balance]) -> None:
    """Forget that pilots were looked up in vain where nothing is missing any more."""
    for batch in lines:
        b = uneven.get(batch.queue)
        if batch.doubts and batch.state == "sent" and (b is None or not b.missing):
            batch.believe()


def _endings(accounts: Accounts, place: Place) -> Run:
    """Read the endings since the last time, and close what has ended."""
    try:
        answer = yield ReadEndings(place.name, place.cursor)
    except NoAnswer:
        return  # they count as pending until the next time
    endings: Endings = answer.value
    if not is_home(place, endings.identity):
        return
    by_tag: dict[str, list[int]] = {}
    for tag, proc in endings.ended:
        by_tag.setdefault(tag, []).append(proc)
    for tag, procs in by_tag.items():
        batch = accounts.book.line(tag)
        if batch is not None and batch.state != "intended":  # of an intent only a search knows all
            _end(accounts, place, batch, bits(procs))
    if endings.cursor != place.cursor or accounts.book.changed:
        place.cursor = endings.cursor
        yield _saved(accounts, place)


def is_home(place: Place, identity: str) -> bool:
    """Return whether an answer comes from the place that has our pilots."""
    return identity == place.identity


def _end(accounts: Accounts, place: Place, batch: Batch, procs: int) -> None:
    n = accounts.book.end(batch, procs)
    place.ended[batch.queue, batch.mark == accounts.book.mark] += n


# --- who is it ----------------------------------------------------------------------------------------


def _meet(accounts: Accounts, place: Place, identity: str, at: float) -> Run:
    """Return whether the place that told its `identity` at `at` is the one we know, or may become it."""
    book, places = accounts.book, accounts.places
    movable = is_home(place, identity) or not place.identity or not book.open(f"schedd:{place.name}")
    if movable and (twin := places.twin(place, identity)) is not None:
        places.merge(book, place, twin)
        twin.stranger_since = None
        yield _saved(accounts, twin)
        return True
    if is_home(place, identity):
        place.stranger_since = None
        return True
    if not place.identity or not book.open(f"schedd:{place.name}"):
        yield from _settle(accounts, place, identity)
        return True
    if place.stranger_since is None:
        place.stranger_since, place.stranger = at, identity
        yield Tell(
            "stranger", place.name, who_answers(accounts, place),
            pilots=book.open(f"schedd:{place.name}"), alarm=True,
        )  # fmt: skip
        return False
    place.stranger = identity
    if at - place.stranger_since < accounts.policy.lease:
        return False
    yield from forget(accounts, place.name, "their lease is over")
    yield from _settle(accounts, place, identity)
    return True


def _settle(accounts: Accounts, place: Place, identity: str) -> Run:
    """Let the place have this identity from now on."""
    before = place.identity
    place.identity, place.stranger_since = identity, None
    for batch in accounts.book.lines(place.name):
        accounts.book.settle(batch, place.name, identity)
    if before:
        place.cursor, place.ready, place.view = "", False, None
        place.foreign.clear()
        place.foreign_since = None
        yield Tell("place-changed", place.name, f"{place.name} is {identity} now, it was {before}")
    yield _saved(accounts, place)


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
    place.stranger_since = None
    if place.stranger:
        place.identity, place.stranger = "", ""
        place.view, place.ready, place.cursor = None, False, ""
    yield Tell("forgotten", place.name, f"{count(n, 'pilot')} at {place.name} count as lost: {why}", pilots=n)
    yield _saved(accounts, place)
    return n


def adopt(accounts: Accounts, name: str) -> None:
    """Let the next poll of a place take over whatever carries our factory's name there."""
    place = accounts.places.get(name)
    place.ready = False
    place.foreign.clear()
    place.foreign_since = None


# --- what does not balance ----------------------------------------------------------------------------


def _explain(accounts: Accounts, place: Place, asked: float) -> Run:
    """Find out about intents without outcome, about what is missing and about what is too many."""
    book = accounts.book
    uneven = troubled(book, place)
    intents = book.unresolved(place.name)
    if not uneven and not intents:
        place.ready = True
        return
    try:
        surveyed = yield from _survey(accounts, place) if uneven else _nothing()
        strangers = yield from _strangers(accounts, surveyed)
        wanted = [*intents, *_suspects(book, place, uneven, surveyed)]
        new = late(book, surveyed) | ({} if place.ready else strangers)
        most = sum(b.n for b in wanted) + sum(t.alive for t in new.values())
        found: Searched | None = None
        at = asked
        if wanted or new:
            tags = frozenset(b.tag for b in wanted) | frozenset(new)
            answer = yield Search(place.name, tags, most)
            found, at = answer.value, answer.asked
            if not is_home(place, found.identity):
                return
    except NoAnswer:
        return
    except NotDone:  # nobody there can tell tags apart
        by_count(accounts, place, uneven, asked)
        place.ready = True
        yield _saved(accounts)
        return
    if found is not None:
        place.keeps_history = found.history
        for batch in wanted:
            yield from _resolve(accounts, place, batch, found, at)
        yield from _adopt(accounts, place, new, found)
    if place.ready:
        yield from _accuse(place, strangers, at)
    place.ready = True
    yield _saved(accounts, place)


def by_count(accounts: Accounts, place: Place, uneven: dict[str, Balance], at: float) -> None:
    """Close what is missing for long, at a place that tells numbers only: the oldest ones first."""
    book = accounts.book
    for queue in [q for q in place.short if q not in uneven or not uneven[q].missing]:
        del place.short[queue]
    for queue, b in uneven.items():
        if not b.missing:
            continue
        since, least = place.short.get(queue, (at, b.missing))
        place.short[queue] = since, least = since, min(least, b.missing)
        if at - since < accounts.policy.apart_without_history:
            continue
        del place.short[queue]
        for batch in sorted(book.lines(place.name, queue), key=lambda b: b.intended):
            if batch.state == "sent" and least > 0:
                gone = list(numbers(batch.alive))[:least]
                least -= len(gone)
                _end(accounts, place, batch, bits(gone))


def _nothing() -> Run:
    return {}
    yield Tell("", "", "")  # makes it a generator


def _survey(accounts: Accounts, place: Place) -> Run:
    """Return what tags are in the queue."""
    answer = yield Survey(place.name)
    surveyed: Surveyed = answer.value
    if not is_home(place, surveyed.identity):
        raise NoAnswer("another place answered")
    return surveyed.tags


def _suspects(
    book: Book, place: Place, uneven: dict[str, Balance], surveyed: dict[str, TagCount]
) -> list[Batch]:
    """Return the lines whose pilots a survey does not show as the book has them."""
    lines = [b for q in uneven for b in book.lines(place.name, q) if b.state == "sent"]
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


def _strangers(accounts: Accounts, surveyed: dict[str, TagCount]) -> Run:
    """Return the tags that this book has no line of."""
    unknown = {tag: seen for tag, seen in surveyed.items() if not accounts.book.knew(tag)}
    if not unknown:
        return {}
    answer = yield Recall(frozenset(unknown))
    return {tag: seen for tag, seen in unknown.items() if tag not in answer.value}


def late(book: Book, surveyed: dict[str, TagCount]) -> dict[str, TagCount]:
    """Return the tags of intents that were given up and whose pilots are there after all."""
    return {tag: seen for tag, seen in surveyed.items() if book.given_up(tag)}


def _resolve(accounts: Accounts, place: Place, batch: Batch, found: Searched, at: float) -> Run:
    """Bring the line of `batch` to what a search found of it."""
    book, policy = accounts.book, accounts.policy
    seen = found.tags.get(batch.tag)
    patience = policy.apart if found.history else policy.apart_without_history
    if batch.state == "intended":
        if seen is not None and (seen.alive | seen.ended):
            # All or none of a submission is taken: what is not found has ended, or will be looked for.
            book.confirm(batch, seen.cluster, bits(range(batch.n)) | seen.alive | seen.ended, at)
            _end(accounts, place, batch, seen.ended & ~seen.alive)
            yield Tell(
                "found", place.name,
                f"found the {batch.n} pilots of an earlier submission, cluster {batch.cluster}",
                batch.queue, batch.n, batch=replace(batch),
            )  # fmt: skip
        elif arrived(batch, at, policy.under_way) and patient(batch, 1, at, patience):
            n = batch.n
            book.drop(batch)
            yield Tell(
                "none",
                place.name,
                f"an earlier submission of {count(n, 'pilot')} did not take place",
                batch.queue,
            )
        return
    if seen is not None:
        if back := book.found(batch, seen.alive):
            yield Tell(
                "found", place.name, f"{count(back, 'pilot')} that were lost are there", batch.queue, back
            )
        book.extend(batch, seen.alive)
        _end(accounts, place, batch, seen.ended & ~seen.alive)
    gone = batch.alive & ~(seen.alive if seen is not None else 0)
    if found.final:
        _end(accounts, place, batch, gone)
        return
    if doubted := patient(batch, gone, at, patience):
        if not found.history:
            _end(accounts, place, batch, doubted)  # that is how pilots end there
            return
        n = book.write_off(batch, doubted)
        yield Tell(
            "lost", place.name,
            f"{count(n, 'pilot')} of cluster {batch.cluster} are known neither to the queue nor to the "
            f"history of {place.name}: they count as lost", batch.queue, n, alarm=True,
        )  # fmt: skip


def arrived(batch: Batch, at: float, under_way: float) -> bool:
    """Note that a search at `at` did not find an intent; return whether it would have arrived by then."""
    if batch.missed_since is None:
        batch.missed_since = at
    return at - batch.missed_since >= under_way


def patient(batch: Batch, gone: int, at: float, patience: float) -> int:
    """Note which pilots (bits) a search at `at` did not find; return those not found for long enough now."""
    batch.believe(~gone)
    if new := gone & ~batch.doubt:
        batch.doubts = (*batch.doubts, (at, new))
    found = 0
    for since, procs in batch.doubts:
        if at - since >= patience:
            found |= procs
    return found


def _adopt(accounts: Accounts, place: Place, new: dict[str, TagCount], found: Searched) -> Run:
    """Take pilots into the book that were found at the start, or that an operator wants taken over."""
    n = 0
    for tag, seen in new.items():
        there = found.tags.get(tag, TagFound("", 0, 0))
        if not there.alive or accounts.book.line(tag) is not None:
            continue
        members = there.alive
        batch = Batch(
            tag, seen.queue, place.name, accounts.ce_of(seen.queue), members.bit_count(),
            identity=place.identity, mark=seen.mark, state="sent", cluster=there.cluster,
            members=members, alive=members, earlier=True,
        )  # fmt: skip
        accounts.book.begin(batch)
        n += batch.n
    if n:
        yield Tell(
            "adopted", place.name,
            f"{count(n, 'pilot')} with our factory's name at {place.name} were not in the book: they are now",
            pilots=n,
        )  # fmt: skip


def _accuse(place: Place, strangers: dict[str, TagCount], at: float) -> Run:
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


def doubts(lines: Sequence[Batch]) -> int:
    """Return how many pilots of `lines` were looked up in vain."""
    return sum(b.n if b.state == "intended" else b.doubt.bit_count() for b in lines if b.doubts)
