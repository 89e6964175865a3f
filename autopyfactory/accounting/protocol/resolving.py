"""What a look-up says of a line: its intent took place or not, its pilots live, have ended or are lost."""

from __future__ import annotations

import itertools

from autopyfactory.accounting.absence import Absence, first, last
from autopyfactory.accounting.book import Batch, Book, bits, numbers
from autopyfactory.accounting.conservation import Balance, balance
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol.accounts import Accounts, Run, end
from autopyfactory.accounting.requests import Searched, Tell
from autopyfactory.model.text import count


def resolve(accounts: Accounts, place: Place, batch: Batch, found: Searched, at: float) -> Run:
    """Bring the line of `batch` to what a search found of it."""
    book, policy = accounts.book, accounts.policy
    seen = found.tags.get(batch.tag)
    seen = seen.of(batch.cluster) if seen is not None else None
    patience = policy.apart if found.history else policy.apart_without_history
    if batch.state == "intended":
        if seen is not None and (seen.alive | seen.ended):
            book.confirm(
                batch, seen.cluster, members(batch.n, seen.alive | seen.ended), at, supposed=True
            )
            yield Tell(
                "found", place.name,
                f"found the {count(batch.n, 'pilot')} of an earlier submission, cluster {batch.cluster}",
                batch.queue, batch.n, batch=batch.copied(),
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
        if batch.cluster and seen.cluster != batch.cluster:
            book.correct(batch, seen.cluster, members(batch.n, seen.alive | seen.ended))
            return
        book.sure(batch)
        if back := book.found(batch, seen.alive):
            yield Tell(
                "found", place.name, f"{count(back, 'pilot')} that were lost are there", batch.queue, back
            )
            move_here(book, place, batch)
        if batch.adopted:
            book.extend(batch, seen.alive)
        end(accounts, place, batch, seen.ended & ~seen.alive)
    gone = batch.alive & ~(seen.alive if seen is not None else 0)
    if found.final:
        end(accounts, place, batch, gone)
        return
    if doubted := patient(batch, gone, at, patience):
        if not found.history:
            end(accounts, place, batch, doubted)  # that is how pilots end there
            return
        n = book.write_off(batch, doubted)
        yield Tell(
            "lost", place.name,
            f"{count(n, 'pilot')} of cluster {batch.cluster} are known neither to the queue nor to the "
            f"history of {place.name}: they count as lost", batch.queue, n, alarm=True,
        )  # fmt: skip


def move_here(book: Book, place: Place, batch: Batch) -> None:
    """Note that pilots found again are where their job queue is, by whatever name they were sent to it."""
    if place.identity and batch.identity == place.identity:
        book.settle(batch, place.name, place.identity)


def members(n: int, found: int) -> int:
    """Return the numbers (bits) of an intent's `n` pilots, some of which were `found`.

    All or none of a submission is taken: who was not found has ended, or will be looked for. Who is too many
    is somebody's who has copied the ads, when none of ours is there any more to tell the two apart.
    """
    others = (i for i in itertools.count() if not found >> i & 1)
    return bits(itertools.islice(itertools.chain(numbers(found), others), n))


def arrived(batch: Batch, at: float, under_way: float) -> bool:
    """Note that a search at `at` did not find an intent; return whether it would have arrived by then."""
    if batch.missed_since is None:
        batch.missed_since = at
    return at - batch.missed_since >= under_way


def patient(batch: Batch, gone: int, at: float, patience: float) -> int:
    """Note which pilots (bits) a search at `at` did not find; return those not found for long enough now."""
    batch.believe(~gone)
    if new := gone & ~batch.doubt:
        batch.doubts = (*batch.doubts, Absence(at, new))
    found = 0
    for absence in batch.doubts:
        if absence.lasted(at, patience):
            found |= absence.pilots
    return found


def by_count(
    accounts: Accounts, place: Place, uneven: dict[str, Balance], at: float, silence: float
) -> Run:
    """Close what is missing for long, at a place that tells numbers only: the oldest ones first.

    silence: for how many seconds nobody need have seen that it is missing.

    Whether a submission took place nobody tells there. It counts as sent when it would have arrived, and so
    is missing then, if nobody shows it.
    """
    for batch in accounts.book.unresolved(place.name):
        if arrived(batch, at, accounts.policy.under_way):
            accounts.book.confirm(batch, "", members(batch.n, 0), at)
            yield Tell(
                "found", place.name,
                f"an earlier submission of {count(batch.n, 'pilot')} counts as sent: {place.name} tells "
                "numbers only", batch.queue, batch.n, batch=batch.copied(),
            )  # fmt: skip
    for queue in uneven.keys() | place.short.keys():
        b = balance(accounts.book, place, queue)
        known = first(place.short.get(queue, ()), b.missing + b.unseen)
        n = sum(a.pilots for a in known)
        missing = [a.again(at, silence) for a in first(known, b.missing)]
        if n < b.missing:
            missing.append(Absence(at, b.missing - n))
        gone = [a for a in missing if a.lasted(at, accounts.policy.apart_without_history)]
        left = [a for a in missing if a not in gone]
        # Of the others nobody knows: they may be whom nobody can see yet.
        place.short[queue] = tuple(sorted([*left, *last(known, n - b.missing)], key=lambda a: a.since))
        _close_oldest(accounts, place, queue, sum(a.pilots for a in gone))


def _close_oldest(accounts: Accounts, place: Place, queue: str, n: int) -> None:
    for batch in sorted(accounts.book.lines(place.name, queue), key=lambda b: b.intended):
        if batch.state == "sent" and n > 0:
            gone = list(numbers(batch.alive))[:n]
            n -= len(gone)
            end(accounts, place, batch, bits(gone))
