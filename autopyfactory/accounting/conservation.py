"""Conservation: what is open in the book = what a place shows + not yet visible + ended since. Pure.

What is missing counts as pending, never less than the book says, until it is explained. What is too many is
told, and counted too. So an answer that is wrong can only make the factory send less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from autopyfactory.accounting.book import Book
from autopyfactory.accounting.place import Place, Places
from autopyfactory.model.info import BatchQueueInfo


@dataclass(frozen=True, slots=True)
class Balance:
    """The pilots of one queue at one place."""

    open: int = 0  # in the book, those of other books that were adopted included
    shown: int = 0  # by the place, in its queue and not ended
    unseen: int = 0  # of the open ones: sent so lately that they need not show
    missing: int = 0  # of the open ones: should show and do not
    surplus: int = 0  # ours by their mark, shown, and not open in the book
    foreign: int = 0  # of another book, shown, and not adopted

    def __add__(self, other: Balance) -> Balance:
        """Add up, for instance the queues of a place."""
        return Balance(
            self.open + other.open,
            self.shown + other.shown,
            self.unseen + other.unseen,
            self.missing + other.missing,
            self.surplus + other.surplus,
            self.foreign + other.foreign,
        )

    @property
    def even(self) -> bool:
        """Whether book and place agree."""
        return not (self.missing or self.surplus or self.foreign)


def balance(book: Book, place: Place, queue: str) -> Balance:
    """Compare the book with what `place` last showed of `queue`."""
    own, adopted = book.open_at(queue, place.name, ours=True), book.open_at(queue, place.name, ours=False)
    view = place.view
    if view is None:
        return Balance(open=own + adopted, missing=own + adopted)
    info = view.queues.get(queue)
    all_shown = info.shown if info is not None else 0
    said = view.others.get(queue, 0)  # more than all that it shows, if it contradicts itself
    own_ended, others_ended = place.ended.get((queue, True), 0), place.ended.get((queue, False), 0)
    if all_shown == own + adopted and said == adopted and not own_ended and not others_ended:
        return Balance(open=all_shown, shown=all_shown)  # as nearly always
    others = min(said, all_shown)
    own_shown = _without_ended(all_shown - others, own, own_ended)
    others = _without_ended(others, adopted, others_ended)
    said = _without_ended(said, adopted, others_ended)
    gap = max(0, own - own_shown)
    unseen = min(gap, book.unseen(queue, place.name, view.asked)) if gap else 0
    return Balance(
        open=own + adopted,
        shown=own_shown + others,
        unseen=unseen,
        missing=gap - unseen + max(0, adopted - others),
        surplus=max(0, own_shown - own),
        foreign=max(0, said - adopted),
    )


def _without_ended(shown: int, open_: int, ended: int) -> int:
    """Return how many of the pilots `shown` live, when `ended` have ended before or after they were shown.

    Those that were shown and have ended since are what is shown and not open any more.
    """
    return shown - min(ended, max(0, shown - open_))


def shown_info(place: Place, queue: str, shown: int) -> BatchQueueInfo:
    """Return what `place` last showed of `queue`, `shown` of which have not ended since."""
    view = place.view
    if view is None:
        return BatchQueueInfo()
    info = view.queues.get(queue, BatchQueueInfo())
    ended = info.shown - shown
    if not ended:
        return info
    running = max(0, info.running - ended)
    pending = max(0, info.pending - max(0, ended - info.running))
    return replace(info, running=running, pending=pending)


def batch_info(book: Book, places: Places, queue: str, *homes: str) -> BatchQueueInfo:
    """Return the pilots of `queue`, wherever they are; `homes` are where it sends now.

    At least as many pending and running as are open in the book.
    """
    here = {places.resolve(home) for home in homes}
    total: BatchQueueInfo | None = None
    for name in sorted(book.places_of(queue) | here):
        place = places.get(name)
        b = balance(book, place, queue)
        info = shown_info(place, queue, b.shown)
        if b.unseen or not b.even or info.unseen or info.missing or info.foreign:
            info = replace(
                info,
                pending=info.pending + b.unseen + b.missing,
                unseen=b.unseen,
                missing=b.missing,
                foreign=b.foreign + b.surplus,
            )
        total = info if total is None else total + info
    return BatchQueueInfo() if total is None else total


def shows_more(book: Book, place: Place) -> bool:
    """Return whether `place` has shown more of our pilots than are open, whoever may have ended since."""
    if place.view is None:
        return False
    others = place.view.others
    return any(
        info.shown - others.get(queue, 0) > book.open_at(queue, place.name, ours=True)
        for queue, info in place.view.queues.items()
    )


def indistinct(place: Place) -> set[str]:
    """Return the queues of which `place` shows pilots of other books.

    One that was adopted may have gone and one that nobody knows have come in its place: they are as many.
    """
    return {q for q, n in place.view.others.items() if n} if place.view is not None else set()


def doubted(book: Book, place: Place) -> set[str]:
    """Return the queues with pilots that a look-up did not find.

    They are looked up until one does or they are closed, whatever is shown: others may be shown for them.
    """
    return {b.queue for b in book.lines(place.name) if b.doubts and b.state == "sent"}


def troubled(book: Book, place: Place) -> dict[str, Balance]:
    """Return the queues of which book and place do not agree, and how."""
    names = book.queues_at(place.name)
    if place.view is not None:
        names |= place.view.queues.keys() | place.view.others.keys()
    return {q: b for q in names if not (b := balance(book, place, q)).even}
