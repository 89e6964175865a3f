"""The book of pilots as a factory uses it: the protocol, driven by threads, with a real disk and real places.

Between two requests the protocol works under one lock, for microseconds; no request is made under it. So no
queue waits for another one's disk or schedd.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from autopyfactory.accounting import protocol, spelling
from autopyfactory.accounting.book import FACTORY, Batch
from autopyfactory.accounting.caps import scope_of, used
from autopyfactory.accounting.conservation import Balance, balance, batch_info
from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.protocol import Accounts, Ask, Policy, Sending
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
    Tell,
    Write,
)
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import Cap
from autopyfactory.model.info import BatchQueueInfo

log = logging.getLogger("autopyfactory.book")


class PlacePort(Protocol):
    """What can be asked of one place. Each method raises NoAnswer, within a time limit."""

    def count(self) -> Counted:
        """Return all pilots with our factory's name."""

    def endings(self, cursor: str) -> Endings:
        """Return who has ended since `cursor`."""

    def survey(self) -> Surveyed:
        """Return the tags in the queue. Raises NotDone where nobody can tell."""

    def search(self, tags: frozenset[str], most: int) -> Searched:
        """Return what queue and history know of `tags`."""


class SubmitPort(Protocol):
    """How the pilots of one queue are sent."""

    def submit(self, batch: Batch, identity: str) -> Submitted:
        """Send the pilots of `batch` to the place, if it has this identity. Raises NotDone, NoAnswer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be told about one place."""

    name: str
    identity: str
    balance: Balance
    lost: int
    submissions: int  # those whose outcome is not known
    unresolved: int  # pilots of these
    holds: tuple[str, ...]
    age: float | None  # seconds since its counts were asked for; None: it has not answered
    missing_age: float | None  # seconds since the first of them was looked up in vain
    foreign_age: float | None  # seconds since they were told of
    stranger_age: float | None  # seconds since somebody else answers under its name
    queues: Mapping[str, Balance]


class Work:
    """A run of the protocol under way: each step makes one request, and holds no lock meanwhile."""

    def __init__(
        self,
        run: protocol.Run,
        lock: threading.RLock,
        clock: Clock,
        answer: Callable[[Request], Any],
    ):
        self.result: Any = None
        self._run = run
        self._lock = lock
        self._clock = clock
        self._answer = answer
        self._request: Request | None = None
        self._go_on(lambda: next(run))

    def step(self) -> bool:
        """Make the next request, and hand over its answer; return whether there is another.

        Raises what the protocol does not want to know: NoAnswer, NotDone.
        """
        if self._request is None:
            return False
        asked = self._clock.monotonic()
        try:
            value = self._answer(self._request)
        except (NoAnswer, NotDone) as err:
            error = err
            self._go_on(lambda: self._run.throw(error))
        except BaseException:
            self.drop()
            raise
        else:
            answer = Answer(value, asked, self._clock.monotonic(), self._clock.now().timestamp())
            self._go_on(lambda: self._run.send(answer))
        return self._request is not None

    def finish(self) -> None:
        """Do all that is left."""
        while self.step():
            pass

    def drop(self) -> None:
        """Do no more: what was under way is looked up later."""
        self._request = None
        with self._lock:
            self._run.close()

    def _go_on(self, resume: Callable[[], Request]) -> None:
        self._request = None
        try:
            with self._lock:
                self._request = resume()
        except StopIteration as stop:
            self.result = stop.value


class Bookkeeper:
    """The one who changes the book; shared by all threads of a factory."""

    def __init__(self, ledger: Ledger, clock: Clock, policy: Policy | None = None):
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.RLock()
        book, places = ledger.restore()
        self._accounts = Accounts(book, places, policy or Policy(), self._ce_of)
        self._ces: dict[str, str] = {}  # of queues, in one spelling
        self._found: dict[str, list[Batch]] = defaultdict(list)  # by queue: told to nobody yet
        self.listeners: list[Callable[[Tell], None]] = []
        self.endings = EndingStream()  # who has ended, and how: for all who need it

    @property
    def mark(self) -> str:
        """Return this book's own mark, for the ads of its pilots."""
        return self._accounts.book.mark

    def configure(self, policy: Policy) -> None:
        """Be as patient as this from now on."""
        self._accounts.policy = policy

    # --- what cycles ask ------------------------------------------------------------------------

    def batch(self, queue: str, target: str) -> BatchQueueInfo:
        """Return the pilots of `queue`, wherever they are; `target` is where it sends."""
        with self._lock:
            return batch_info(self._accounts.book, self._accounts.places, queue, target)

    def open(self, queue: str) -> int:
        """Return the open pilots of `queue`."""
        return self._accounts.book.open(f"queue:{queue}")

    def active(self, scope: str = FACTORY, ce: str = "") -> int:
        """Return the pilots that count against a cap of `scope` (`factory`, `ce`)."""
        with self._lock:
            one = scope_of(Cap(scope, 0, ""), "", spelling.ce(ce), "")
            return used(self._accounts.book, self._accounts.places, one)

    def holds(self, target: str) -> tuple[str, ...]:
        """Return why nothing may be sent to `target`; empty when something may."""
        with self._lock:
            return protocol.holds(self._accounts, self._accounts.places.get(target))

    def unresolved(self, queue: str) -> tuple[str, ...]:
        """Return a line about each submission of `queue` whose outcome is not known."""
        with self._lock:
            lines = self._accounts.book.unresolved(queue=queue)
            return tuple(f"an earlier submission of {b.n} pilots is being looked up" for b in lines)

    def take_found(self, queue: str) -> list[Batch]:
        """Return submissions of `queue` that turned out to have taken place, each once."""
        with self._lock:
            return self._found.pop(queue, [])

    def total(self, queue: str) -> int:
        """Return how many pilots were ever sent for `queue`."""
        return self._accounts.book.sent[queue]

    def sent_since(self, queue: str, seconds: float) -> int:
        """Return how many pilots were sent for `queue` in the last `seconds`."""
        return self._ledger.sent_since(queue, seconds)

    def settle(self, queue: str, ce: str) -> None:
        """Note where `queue` sends from now on."""
        self._ces[queue] = spelling.ce(ce)

    def _ce_of(self, queue: str) -> str:
        return self._ces.get(queue, "")

    # --- sending and polling --------------------------------------------------------------------

    def send(self, ask: Ask, port: SubmitPort, stopping: Callable[[], bool]) -> Sending:
        """Send what `ask` wants, as far as it may be sent."""
        ask = replace(ask, ce=spelling.ce(ask.ce))
        run = protocol.send(self._accounts, ask, lambda: uuid.uuid4().hex, stopping)
        done: Sending = self._drive(run, port)
        return done

    def poll(self, target: str, port: PlacePort) -> Work:
        """Return the work of one poll of `target`: its first step counts, the rest explains.

        The first step raises NoAnswer; the rest waits for the next poll when something does not answer.
        """
        return Work(protocol.poll(self._accounts, target), self._lock, self._clock, self._answers(place=port))

    def forget(self, target: str, why: str) -> int:
        """Count all pilots at `target` as lost; return how many."""
        return int(self._drive(protocol.forget(self._accounts, target, why)))

    def adopt(self, target: str) -> None:
        """Let the next poll of `target` take over what carries our factory's name there."""
        with self._lock:
            protocol.adopt(self._accounts, target)

    def _drive(self, run: protocol.Run, submit: SubmitPort | None = None) -> Any:
        """Do all that `run` asks for; return what it returns."""
        work = Work(run, self._lock, self._clock, self._answers(submit=submit))
        work.finish()
        return work.result

    def _answers(
        self, place: PlacePort | None = None, submit: SubmitPort | None = None
    ) -> Callable[[Request], Any]:
        return lambda request: self._answer(request, place, submit)

    def _answer(self, request: Request, place: PlacePort | None, submit: SubmitPort | None) -> Any:
        if isinstance(request, Write):
            return self._ledger.write(self._stamped(request))
        if isinstance(request, Recall):
            return self._ledger.recall(request.tags)
        if isinstance(request, Tell):
            return self._tell(request)
        if isinstance(request, Submit):
            assert submit is not None
            return submit.submit(request.batch, request.identity)
        assert place is not None
        if isinstance(request, Count):
            return place.count()
        if isinstance(request, ReadEndings):
            return place.endings(request.cursor)
        if isinstance(request, Survey):
            return place.survey()
        assert isinstance(request, Search)
        return place.search(request.tags, request.most)

    def _stamped(self, request: Write) -> Write:
        if not request.durable:
            return request
        now = self._clock.now().timestamp()
        return replace(request, lines=tuple(replace(b, intended=now) for b in request.lines))

    def _tell(self, tell: Tell) -> None:
        log.log(logging.ERROR if tell.alarm else logging.WARNING, "%s", tell.text)
        if tell.batch is not None and tell.queue is not None:
            with self._lock:
                self._found[tell.queue].append(tell.batch)
        for listener in self.listeners:
            listener(tell)

    # --- what people ask ------------------------------------------------------------------------

    def places_with_pilots(self) -> dict[str, str]:
        """Return the places with open lines, and how each is reached."""
        with self._lock:
            return {name: self._accounts.places.get(name).spec for name in self._accounts.book.places}

    def resolve(self, target: str) -> str:
        """Return the one spelling of `target`."""
        with self._lock:
            return self._accounts.places.resolve(target)

    def describe(self, target: str, spec: str) -> None:
        """Note how `target` is reached, for when no queue names it any more."""
        with self._lock:
            place = self._accounts.places.get(target)
            if place.spec == spec:
                return
            place.spec = spec
            request = Write(places=(replace(place, view=None),))
        self._ledger.write(request)

    def standings(self, targets: Iterable[str] = ()) -> list[Standing]:
        """Return what is to be told about each place that is known, and about `targets`."""
        with self._lock:
            for target in targets:
                self._accounts.places.get(target)
            return [self._standing(p) for p in sorted(self._accounts.places, key=lambda p: p.name)]

    def _standing(self, place: Place) -> Standing:
        book, now = self._accounts.book, self._clock.monotonic()
        shown = set(place.view.queues) if place.view else set()
        queues = {q: balance(book, place, q) for q in sorted(book.queues_at(place.name) | shown)}
        total = Balance()
        for one in queues.values():
            total += one
        lines = book.lines(place.name)
        since = [at for b in lines for at, _ in b.doubts]

        def age(at: float | None) -> float | None:
            return None if at is None else now - at

        return Standing(
            place.name,
            place.identity,
            total,
            lost=book.lost_at(place.name),
            submissions=len(book.unresolved(place.name)),
            unresolved=sum(b.n for b in book.unresolved(place.name)),
            holds=protocol.holds(self._accounts, place),
            age=age(place.view.asked if place.view else None),
            missing_age=age(min(since, default=None)),
            foreign_age=age(place.foreign_since),
            stranger_age=age(place.stranger_since),
            queues=queues,
        )
