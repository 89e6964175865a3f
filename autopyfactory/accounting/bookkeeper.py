"""The book of pilots as a factory uses it: the protocol, driven by threads, with a real disk and real places.

Between two requests the protocol works under one lock, for microseconds; nobody is waited for under it. So no
queue waits for another one's disk or schedd.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from autopyfactory.accounting import ports, spelling
from autopyfactory.accounting.book import FACTORY, Batch
from autopyfactory.accounting.caps import scope_of, used
from autopyfactory.accounting.claims import Claims
from autopyfactory.accounting.conservation import batch_info
from autopyfactory.accounting.driver import Work
from autopyfactory.accounting.endings import EndingStream
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.ports import PlacePort, SubmitPort
from autopyfactory.accounting.protocol import identity, polling, sending
from autopyfactory.accounting.protocol.accounts import Accounts, Policy, Run
from autopyfactory.accounting.protocol.foreign import adopt
from autopyfactory.accounting.protocol.holding import holds
from autopyfactory.accounting.protocol.sending import Ask, Sending
from autopyfactory.accounting.requests import Count, Publish, Recall, Request, Submit, Tell, Write
from autopyfactory.accounting.standing import Standing, standing
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import Cap
from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.model.text import count

log = logging.getLogger("autopyfactory.book")


class Bookkeeper:
    """The one who changes the book; shared by all threads of a factory."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        policy: Policy | None = None,
        endings: EndingStream | None = None,
        claims: Claims | None = None,
    ):
        """Take up the book as `ledger` has it. With `claims`, only one factory of a host sends to a place."""
        self._ledger = ledger
        self._claims = claims
        self._clock = clock
        self._lock = threading.RLock()
        book, places = ledger.restore()
        self._accounts = Accounts(book, places, policy or Policy(), self._ce_of)
        self._ces: dict[str, str] = {}  # of queues, in one spelling
        self._begun = self._clock.monotonic()
        self._found: dict[str, list[Batch]] = defaultdict(list)  # by queue: told to nobody yet
        self.listeners: list[Callable[[Tell], None]] = []
        self.endings = endings or EndingStream()  # who has ended, and how: for all who need it

    @property
    def mark(self) -> str:
        """Return this book's own mark, for the ads of its pilots."""
        return self._accounts.book.mark

    def close(self) -> None:
        """Let other factories of this host send where this one did."""
        if self._claims is not None:
            self._claims.close()

    @property
    def policy(self) -> Policy:
        """Return how patient the book is."""
        return self._accounts.policy

    def configure(self, policy: Policy) -> None:
        """Be as patient as this from now on."""
        self._accounts.policy = policy

    # --- what cycles ask ------------------------------------------------------------------------

    def batch(self, queue: str, *targets: str) -> BatchQueueInfo:
        """Return the pilots of `queue`, wherever they are; `targets` are where it sends."""
        with self._lock:
            return batch_info(self._accounts.book, self._accounts.places, queue, *targets)

    def open(self, queue: str) -> int:
        """Return the open pilots of `queue`."""
        return self._accounts.book.open(f"queue:{queue}")

    def open_to(self, queue: str, ce: str) -> int:
        """Return the open pilots of `queue` at `ce`."""
        return self._accounts.book.open_to(queue, spelling.ce(ce))

    def open_at(self, queue: str, target: str) -> int:
        """Return the open pilots of `queue` at the place `target`."""
        with self._lock:
            book, name = self._accounts.book, self._accounts.places.resolve(target)
            return book.open_at(queue, name, ours=True) + book.open_at(queue, name, ours=False)

    def ce_of(self, tag: str, job: str) -> str | None:
        """Return the CE that the pilot `job` was sent to, in one spelling; empty: it is not known.

        None: it is none of ours, although it carries a `tag`.
        """
        with self._lock:
            line = self._accounts.book.line(tag)
            return line.ce if line is not None and self._accounts.book.has(tag, job) else None

    def queue_of(self, tag: str) -> str | None:
        """Return the queue whose pilots carry `tag`; None when that is not known, or they have all ended."""
        with self._lock:
            line = self._accounts.book.line(tag)
            return line.queue if line is not None else None

    def underway(self, before: float) -> dict[str, set[str]]:
        """Return by queue the clusters with pilots that may not have ended, sent `before` that Unix time.

        Empty among them: one is not known.
        """
        with self._lock:
            return self._accounts.book.underway(before)

    def active(self, scope: str = FACTORY, ce: str = "") -> int:
        """Return the pilots that count against a cap of `scope` (`factory`, `ce`)."""
        one = scope_of(Cap(scope, 0, ""), "", spelling.ce(ce), "") if scope != FACTORY else scope
        with self._lock:
            return used(self._accounts.book, self._accounts.places, one)

    def holds(self, target: str) -> tuple[str, ...]:
        """Return why nothing may be sent to `target`; empty when something may."""
        with self._lock:
            return holds(self._accounts, self._accounts.places.get(target))

    def unresolved(self, queue: str) -> tuple[str, ...]:
        """Return a line about each submission of `queue` whose outcome is not known."""
        with self._lock:
            lines = self._accounts.book.unresolved(queue=queue)
            return tuple(f"an earlier submission of {count(b.n, 'pilot')} is being looked up" for b in lines)

    def take_found(self, queue: str) -> list[Batch]:
        """Return submissions of `queue` that turned out to have taken place, each once."""
        if not self._found:  # as nearly always: no need to wait for anybody
            return []
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
        if (ce := spelling.ce(ask.ce)) != ask.ce:
            ask = replace(ask, ce=ce)
        run = sending.send(self._accounts, ask, lambda: uuid.uuid4().hex, stopping)
        done: Sending = self._drive(run, port)
        return done

    def poll(self, target: str, port: PlacePort, every: float = 60.0) -> Work:
        """Return the work of one poll of `target`: its first step counts, the rest explains.

        every: seconds from one poll of it to the next. The first step raises NoAnswer; the rest waits for
        the next poll when something does not answer.
        """
        run = polling.poll(self._accounts, target, every)
        return Work(run, self._lock, self._clock, self._answers(place=port))

    def release(self, queue: str) -> None:
        """Note that who submits for `queue` was given up: what was under way is looked up by its tag."""
        with self._lock:
            for name in self._accounts.book.places_of(queue):
                for batch in self._accounts.book.lines(name, queue):
                    if batch.busy:
                        self._accounts.book.release(batch)

    def forget(self, target: str, why: str) -> int:
        """Count all pilots at `target` as lost; return how many."""
        return int(self._drive(identity.forget(self._accounts, target, why)))

    def adopt(self, target: str) -> None:
        """Let the next poll of `target` take over what carries our factory's name there."""
        with self._lock:
            adopt(self._accounts, target)

    def _drive(self, run: Run, submit: SubmitPort | None = None) -> Any:
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
        if isinstance(request, Publish):
            return self.endings.take(request.pilots, request.starts)
        if isinstance(request, Submit):
            assert submit is not None
            return submit.submit(request.batch, request.identity)
        assert place is not None
        answer = ports.ask(place, request)
        if isinstance(request, Count):
            self._claim(request.place, answer.identity)
        return answer

    def _claim(self, name: str, identity: str) -> None:
        """Note whether another factory of this host has this place, before anything is sent there."""
        if self._claims is None or not identity:
            return
        rival = self._claims.take(identity)
        with self._lock:
            place = self._accounts.places.get(name)
            news, place.rival = rival != place.rival, rival
            words = holds(self._accounts, place)
        if news and rival:
            self._tell(Tell("rival", place.name, words[0], alarm=True))

    def _stamped(self, request: Write) -> Write:
        if not request.durable:
            return request
        now = self._clock.now().timestamp()
        lines = tuple([b.copied() for b in request.lines])
        for line in lines:
            line.intended = now
        return Write(lines, request.places, request.aliases, durable=True)

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
            places = [self._accounts.places.get(name) for name in self._accounts.book.places]
            return {p.name: p.spec or next(iter(p.specs.values()), "") for p in places}

    def ways_to(self, target: str) -> list[str]:
        """Return how `target` is reached, by each of its names as far as is known."""
        with self._lock:
            return sorted(set(self._accounts.places.get(target).specs.values()))

    def silent_for(self, target: str) -> float:
        """Return for how many seconds `target` has told no counts, by whatever name."""
        with self._lock:
            view = self._accounts.places.get(target).view
        return self._clock.monotonic() - (view.asked if view is not None else self._begun)

    def resolve(self, target: str) -> str:
        """Return the one spelling of `target`."""
        with self._lock:
            return self._accounts.places.resolve(target)

    def describe(self, target: str, spec: str) -> None:
        """Note how `target` is reached, for when no queue names it any more."""
        with self._lock:
            place = self._accounts.places.get(target)
            name = spelling.schedd(target)
            if place.specs.get(name) == spec:
                return
            place.specs[name] = spec
            if name == place.name:
                place.spec = spec
            kept = replace(place, view=None) if name == place.name else Place(name, spec=spec)
            self._ledger.write(Write(places=(kept,)))

    def standings(self, targets: Iterable[str] = ()) -> list[Standing]:
        """Return what is to be told about each place that is known, and about `targets`."""
        now, wall = self._clock.monotonic(), self._clock.now().timestamp()
        with self._lock:
            for target in targets:
                self._accounts.places.get(target)
            known = sorted(self._accounts.places, key=lambda p: p.name)
            return [standing(self._accounts, place, now, wall) for place in known]
