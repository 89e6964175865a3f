"""Each guard of the protocol, removed by name: the simulator must notice, or it proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from autopyfactory.accounting import caps, conservation, requests, spelling
from autopyfactory.accounting.book import Batch, Book
from autopyfactory.accounting.place import Place, Places
from autopyfactory.accounting.protocol import explaining, holding, identity, polling, resolving, sending
from autopyfactory.accounting.protocol.accounts import Accounts, Policy
from autopyfactory.accounting.requests import NoAnswer, NotDone, Submit, Write
from simulation import world
from simulation.model import Disk

Patch = tuple[Any, str, Any]  # object, attribute, what it is instead


@dataclass(frozen=True)
class Mutation:
    """A guard, and how to remove it."""

    what: str
    patches: tuple[Patch, ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Remove the guard for a while."""
        with ExitStack() as stack:
            for owner, name, instead in self.patches:
                stack.enter_context(patch.object(owner, name, instead))
            yield


def _balance(**changes: Any) -> Callable[..., Any]:
    real = conservation.balance
    return lambda *args: replace(real(*args), **changes)


def _everywhere(name: str, instead: Any) -> tuple[Patch, ...]:
    """Replace `name` in each module that knows it."""
    parts = (caps, conservation, explaining, holding, identity, polling, resolving, sending)
    return tuple((m, name, instead) for m in parts if hasattr(m, name))


def _run(*patches: Patch, what: str) -> Mutation:
    return Mutation(what, patches)


def _no_nothing(*_: Any) -> Any:
    return
    yield


def _shown_only(book: Book, places: Places, scope: str) -> int:
    """Count by the newest answers, as before there was a book."""
    queues = {b.queue for b in book._lines.values() if scope in ("factory", f"ce:{b.ce}")}
    views = [(p.view.queues.get(q), p) for p in places if p.view for q in queues]
    return sum(info.shown for info, _ in views if info)


def _unknown_is_no(accounts: Any, batch: Batch, who: str) -> Any:
    """A reply that is lost means that nothing was sent."""
    run = _SEND_ONE(accounts, batch, who)
    answer = None
    try:
        request = next(run)
        while True:
            try:
                answer = yield request
            except NoAnswer as err:
                kind = NotDone if isinstance(request, Submit) else NoAnswer
                request = run.throw(kind(str(err)))
            except NotDone as err:
                request = run.throw(err)
            else:
                request = run.send(answer)
    except StopIteration as stop:
        return stop.value


_CONFIRM = Book.confirm
_SEND_ONE = sending._send_one
_UNRESOLVED = Book.unresolved


def _busy_too(book: Book, place: str | None = None, queue: str | None = None) -> list[Batch]:
    lines = book.lines(place) if place is not None else list(book._lines.values())
    return [b for b in lines if b.state == "intended" and queue in (None, b.queue)]


def _at_once(batch: Batch, gone: int, at: float, patience: float) -> int:
    return gone


def _stays(accounts: Accounts, place: Place, name: str, other: str, stranger: str) -> Any:
    """Whoever answers under a name of a place becomes the place, once it has no pilots."""
    if not accounts.book.open(f"schedd:{place.name}"):
        place.identity = ""
    return
    yield


def _soon(disk: Disk, request: Write) -> None:
    disk.waiting.append(request)


def _no_history(real: Any) -> Any:
    def search(schedd: Any, tags: frozenset[str]) -> Any:
        found = real(schedd, tags)
        alone = {t: replace(f, ended=0) for t, f in found.tags.items() if f.alive}
        return replace(found, tags=alone)

    return search


def _sent_lines_only(book: Book, place: str | None = None, queue: str | None = None) -> list[Batch]:
    return []


def _end_by_number(book: Book, batch: Batch, procs: int) -> int:
    """Believe each ending that is told, also when it is told twice."""
    n = procs.bit_count()
    gone = 0
    for bit in list(_bits(batch.alive))[:n]:
        gone |= 1 << bit
    return _END(book, batch, gone)


def _bits(mask: int) -> Iterator[int]:
    return (i for i in range(mask.bit_length()) if mask >> i & 1)


_END = Book.end

MUTATIONS: dict[str, Mutation] = {
    "identity at submission": _run(
        (world.World, "_same", staticmethod(lambda schedd, identity: True)),
        what="a submission goes to whoever answers under the name",
    ),
    "identity of answers": _run(
        *_everywhere("is_home", lambda place, identity: True), what="answers of a stranger are believed"
    ),
    "holds": _run(*_everywhere("holds", lambda accounts, place: ()), what="nothing holds a place back"),
    "second factory": _run(
        *_everywhere("accuse", _no_nothing), what="pilots of another mark are not told of"
    ),
    "adoption by a later look-up": _run(
        (Place, "begun", lambda self, beginnings: setattr(self, "ready", True)),
        what="a look-up that was under way when an operator adopted says that all was taken over",
    ),
    "adoption looks": _run(
        (explaining, "shows_more", lambda book, place: False),
        (explaining, "indistinct", lambda place: set()),
        what="what is to be adopted counts as ended, as long as others have ended",
    ),
    "adoption at start": _run(
        *_everywhere("take_over", _no_nothing), what="what is found at start is not taken over"
    ),
    "missing counts": Mutation("what is missing does not count", _everywhere("balance", _balance(missing=0))),
    "unseen counts": Mutation(
        "what was just sent does not count", _everywhere("balance", _balance(unseen=0))
    ),
    "caps": _run(
        *_everywhere("room", lambda b, p, n, c, **k: (n, ())),
        what="no cap is looked at",
    ),
    "caps by the book": _run((caps, "used", _shown_only), what="caps are granted against the newest answers"),
    "intents count": _run(
        (Batch, "open", property(lambda b: 0 if b.state == "intended" else b.alive.bit_count())),
        what="an intent does not count until it is confirmed",
    ),
    "intents are durable": _run((Disk, "write", _soon), what="an intent may get lost"),
    "intents are resolved": _run((Book, "unresolved", _sent_lines_only), what="an intent is never looked up"),
    "unknown is not no": _run(
        (sending, "_send_one", _unknown_is_no), what="a lost reply means that nothing was sent"
    ),
    "submission under way": _run((Book, "unresolved", _busy_too), what="a submission under way is looked up"),
    "two look-ups": _run(*_everywhere("patient", _at_once), what="one look-up is enough to write off"),
    "doubts end": _run(
        (explaining, "doubted", lambda book, place: set()),
        what="a look-up in vain counts for ever, although its pilots were shown since",
    ),
    "no silence between": _run(
        *_everywhere("silence", lambda accounts, every: float("inf")),
        what="looks in vain count together, however long nobody answered between them",
    ),
    "missing numbers": _run(
        (explaining, "by_count", _no_nothing), what="what is missing is never closed where nobody tells tags"
    ),
    "minutes apart": _run(
        (world, "POLICY", Policy(under_way=5, apart=5, apart_without_history=5, lease=1000.0)),
        what="two look-ups seconds apart are enough to write off",
    ),
    "still under way": _run(
        *_everywhere("arrived", lambda batch, at, under_way: True),
        what="the first look-up counts, although a submission may be under way still",
    ),
    "history by tag": _run(
        (world.Schedd, "search", _no_history(world.Schedd.search)), what="a search looks into the queue only"
    ),
    "endings by cluster": _run(
        (polling, "same_cluster", lambda known, said="": known is not None),
        what="a job that carries one of our tags ends, and a pilot of ours counts as ended",
    ),
    "endings by name": _run((Book, "end", _end_by_number), what="an ending that is told twice counts twice"),
    "decided once": _run(
        *_everywhere("not_decided_twice", lambda book, ask, n, granted: (n, [])),
        what="two threads may act on the same count",
    ),
    "one spelling of CEs": _run(
        (spelling, "ce", lambda text: text), (world, "ce_name", lambda text: text), what="a CE has many names"
    ),
    "one place, one name": _run(
        (Places, "twin", lambda self, place, identity: None),
        (spelling, "schedd", lambda text: text),
        what="a schedd has many names",
    ),
    "names part": _run(
        (identity, "_part", _stays), what="a name that leads elsewhere stays a name of its place"
    ),
    "heard elsewhere": _run(
        (Places, "hear", lambda self, identity, at: None),
        what="the lease of a job queue runs out that answers under another name",
    ),
    "who copies comes later": _run(
        (requests, "is_earlier", lambda cluster, than: False),
        what="what a look-up has shown first is ours, although an earlier one turns up",
    ),
    "ends twice": _run(
        (Book, "confirm", lambda book, *of, supposed=False: _CONFIRM(book, *of)),
        what="of what one look-up has shown, endings are believed at once",
    ),
    "lease": _run(
        (world, "POLICY", Policy(lease=0)),
        what="pilots of a job queue that is gone count as lost at once",
    ),
}
