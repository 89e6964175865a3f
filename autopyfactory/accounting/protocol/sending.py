"""Reserve, write the intent, submit, confirm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.caps import room
from autopyfactory.accounting.protocol.accounts import Accounts, Run, saved
from autopyfactory.accounting.protocol.holding import holds
from autopyfactory.accounting.requests import NoAnswer, NotDone, Submit, Submitted, Write
from autopyfactory.model.decision import Cap
from autopyfactory.model.text import count


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
        n, notes = reserve(accounts, ask, min(left, ask.chunk), done.granted)
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


def reserve(accounts: Accounts, ask: Ask, n: int, granted: int) -> tuple[int, tuple[str, ...]]:
    """Return how many of `n` pilots of `ask` may be sent now, and why no more.

    `granted` of the queue's open pilots were reserved for the same decision before.
    """
    book, places = accounts.book, accounts.places
    place = places.get(ask.place)
    if reasons := holds(accounts, place):
        return 0, reasons
    notes: list[str] = []
    if ask.seen is not None:
        n, notes = not_decided_twice(book, ask, n, granted)
    n, bit = room(book, places, n, ask.caps, place=place.name, ce=ask.ce, queue=ask.queue)
    return n, (*notes, *bit)


def not_decided_twice(book: Book, ask: Ask, n: int, granted: int) -> tuple[int, list[str]]:
    """Return what is left of `n` when the queue has got more pilots since it was decided on."""
    assert ask.seen is not None
    more = book.open(f"queue:{ask.queue}") - ask.seen - granted
    if more <= 0:
        return n, []
    left = max(0, n - more)
    return left, [f"{count(more, 'pilot')} more since this was decided: {left} of {n} left"]


def _send_one(accounts: Accounts, batch: Batch, identity: str) -> Run:
    """Write the intent, submit, confirm; returns a `SentBatch`."""
    book = accounts.book
    try:
        book.changed.pop(batch.tag, None)
        written = yield Write((batch.copied(),), durable=True)
        batch.intended = written.wall
    except (NoAnswer, NotDone) as err:
        book.drop(batch)
        yield saved(accounts)
        return SentBatch(batch, error=f"the intent cannot be written down: {err}")
    except BaseException:
        book.release(batch)
        raise
    try:
        answer = yield Submit(batch.copied(), identity)
    except NotDone as err:
        book.drop(batch)
        yield saved(accounts)
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
    yield saved(accounts)
    return SentBatch(batch, sent.procs.bit_count())
