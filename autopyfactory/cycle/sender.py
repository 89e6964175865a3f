"""Sends the pilots of one queue through the book: it reserves and writes down, the submit plugin sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autopyfactory.accounting.book import Batch, bits
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.protocol.sending import Ask, SentBatch
from autopyfactory.accounting.requests import NoAnswer, NotDone, Submitted
from autopyfactory.config.model import QueueConfig
from autopyfactory.cycle.components import Parts, Route
from autopyfactory.cycle.doing import IN_TIME, Doing
from autopyfactory.model.decision import Cap
from autopyfactory.model.record import Sent
from autopyfactory.plugins.base import SubmitError, SubmitUnknown

SUBMIT_DEADLINE = 60.0  # seconds for one submission of up to `chunk` pilots


@dataclass(frozen=True, slots=True)
class Sending:
    """What came of sending."""

    sent: tuple[Sent, ...]
    granted: int
    notes: tuple[str, ...]  # the caps that bit, in words


@dataclass(frozen=True, slots=True)
class Resolved:
    """What is known now of submissions whose answers were lost."""

    found: tuple[Sent, ...] = ()  # those that did take place, and are known as well as any other from now on
    unknown: tuple[str, ...] = ()  # a line for each that is not known yet; it counts as pending


ALL_KNOWN = Resolved()


class Sender:
    """The way of one queue's pilots to its submit plugin."""

    def __init__(
        self,
        config: QueueConfig,
        parts: Parts,
        book: Bookkeeper,
        stopping: Callable[[], bool],
        doing: Doing,
        route: Route | None = None,
    ):
        """Prepare. `route`: which of the queue's ways; None: the first."""
        self._route = route or parts.routes[0]
        self._config = config
        self._name = config.name
        self._parts = parts
        self._book = book
        self._stopping = stopping
        self._doing = doing
        self._what = self._route.words
        self._only_ce = self._route.submit.ce if len(parts.routes) == 1 else ""

    def send(self, n: int, seen: int) -> Sending:
        """Send up to `n` pilots, chunk by chunk, as far as the caps allow and until one submission fails.

        seen: the queue's open pilots when that number was decided on.
        """
        submit, options = self._route.submit, self._config.options
        ask = Ask(
            self._name,
            submit.target,
            submit.ce,
            n,
            cores=options.cores,
            memory_mb=options.memory_mb,
            chunk=submit.chunk,
            seen=seen,
            caps=tuple(self._caps()),
        )
        done = self._book.send(ask, self, self._stopping)
        if any(one.unknown for one in done.sent) and self._route.batch_source is not None:
            self._route.batch_source.refresh()  # which looks it up
        return Sending(tuple(self._told(one) for one in done.sent), done.granted, done.notes)

    def submit(self, batch: Batch, identity: str) -> Submitted:
        """Send the pilots of `batch`: what the book asks of a place. Raises NotDone, NoAnswer."""
        try:
            with self._doing.call(self._what, IN_TIME):
                sent = self._route.submit.submit_to(identity, batch.n, batch.tag, SUBMIT_DEADLINE)
        except SubmitError as err:
            raise NotDone(str(err)) from err
        except SubmitUnknown as err:
            raise NoAnswer(str(err)) from err
        return Submitted(sent.cluster, bits(range(sent.first_proc, sent.first_proc + sent.count)))

    def take_back(self, n: int, *, spare_running: bool, started_before: float | None = None) -> int:
        """Take back `n` pilots, none that started after `started_before` (seconds since the epoch).

        Return how many went. Raises SubmitUnknown.
        """
        submit = self._route.submit
        with self._doing.call(self._what, IN_TIME):
            if spare_running:
                return submit.withdraw(n, SUBMIT_DEADLINE)
            return submit.retire(n, SUBMIT_DEADLINE, started_before)

    def resolved(self) -> Resolved:
        """Return what has become of submissions whose outcome was not known."""
        lines = self._book.take_found(self._name)
        unknown = self._book.unresolved(self._name)
        if not lines and not unknown:
            return ALL_KNOWN
        found = [
            Sent(b.tag, b.place, self._only_ce or b.ce, b.n, b.cluster, _first(b.members))
            for b in lines
        ]
        return Resolved(tuple(found), unknown)

    def _told(self, one: SentBatch) -> Sent:
        submit, batch = self._route.submit, one.batch
        known = not one.error
        return Sent(
            batch.tag,
            submit.target,
            submit.ce,
            one.count,
            batch.cluster if known else None,
            _first(batch.members) if known else 0,
            one.error or None,
        )

    def _caps(self) -> Iterator[Cap]:
        for rule in self._parts.chain:
            with self._doing.call(f"the rule {rule.name}"):
                caps = tuple(rule.caps())
            yield from caps
        with self._doing.call(self._what):
            limits = tuple(self._route.submit.limits())
        yield from limits


def _first(members: int) -> int:
    return (members & -members).bit_length() - 1 if members else 0
