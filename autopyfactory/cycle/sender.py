"""Sends the pilots of one queue: reserve, write the intent, submit, confirm; and finds out what was lost."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.reservations import Reservations
from autopyfactory.accounting.unseen import Intent
from autopyfactory.cycle.components import Parts
from autopyfactory.model.decision import Cap
from autopyfactory.model.record import Sent
from autopyfactory.plugins.base import SubmitError, SubmitUnknown

SUBMIT_DEADLINE = 60.0  # seconds for one submission of up to `chunk` pilots
LOOKUP_DEADLINE = 20.0


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
    unknown: tuple[str, ...] = ()  # a reason for each that stays unknown


class Sender:
    """The way of one queue's pilots to its submit plugin."""

    def __init__(
        self,
        queue: str,
        parts: Parts,
        ledger: Ledger,
        reservations: Reservations,
        stopping: Callable[[], bool],
        log: logging.Logger,
    ):
        self._name = queue
        self._parts = parts
        self._ledger = ledger
        self._reservations = reservations
        self._stopping = stopping
        self._log = log

    def send(self, n: int) -> Sending:
        """Send up to `n` pilots, chunk by chunk, as far as the caps allow and until one submission fails."""
        left, granted = n, 0
        sent: list[Sent] = []
        notes: tuple[str, ...] = ()
        submit = self._parts.submit
        while left > 0 and not self._stopping():
            grant = self._reservations.reserve(
                self._name, submit.target, min(left, submit.chunk), self._caps()
            )
            notes = grant.notes or notes
            if grant.intent is None:
                break
            granted += grant.intent.n
            left -= grant.intent.n
            sent.append(self._submit(grant.intent))
            if sent[-1].error or grant.notes:
                break
        return Sending(tuple(sent), granted, notes)

    def take_back(self, n: int, *, spare_running: bool) -> int:
        """Take back `n` pilots; return how many went. Raises SubmitUnknown."""
        submit = self._parts.submit
        take_back = submit.withdraw if spare_running else submit.retire
        return take_back(n, SUBMIT_DEADLINE)

    def resolve(self) -> Resolved:
        """Look up submissions whose outcome is not known."""
        outcomes = [self._resolve(intent) for intent in self._ledger.unresolved(self._name)]
        return Resolved(
            found=tuple(o for o in outcomes if isinstance(o, Sent)),
            unknown=tuple(o for o in outcomes if isinstance(o, str)),
        )

    @property
    def unresolved(self) -> bool:
        """Whether there is a submission whose outcome is not known."""
        return bool(self._ledger.unresolved(self._name))

    def _resolve(self, intent: Intent) -> Sent | str | None:
        submit = self._parts.submit
        try:
            found = submit.lookup(intent.tag, LOOKUP_DEADLINE)
        except SubmitUnknown as err:
            intent.nothing_found_at = None
            return f"the outcome of an earlier submission of {intent.n} pilots is not known: {err}"
        if found is not None:
            self._ledger.confirm(intent, found.cluster, found.count)
            self._log.info(
                "found the %d pilots of an earlier submission, cluster %s", found.count, found.cluster
            )
            return Sent(intent.tag, submit.target, submit.ce, found.count, found.cluster, found.first_proc)
        if self._ledger.found_nothing(intent):
            self._log.info("an earlier submission of %d pilots did not take place", intent.n)
            return None
        return f"an earlier submission of {intent.n} pilots is being looked up"

    def _submit(self, intent: Intent) -> Sent:
        submit = self._parts.submit
        try:
            pilots = submit.submit(intent.n, intent.tag, SUBMIT_DEADLINE)
        except SubmitError as err:
            self._ledger.forget(intent)
            return Sent(intent.tag, submit.target, submit.ce, 0, error=str(err))
        except SubmitUnknown as err:
            return Sent(intent.tag, submit.target, submit.ce, intent.n, error=f"outcome not known: {err}")
        self._ledger.confirm(intent, pilots.cluster, pilots.count)
        return Sent(intent.tag, submit.target, submit.ce, pilots.count, pilots.cluster, pilots.first_proc)

    def _caps(self) -> Iterator[Cap]:
        for rule in self._parts.chain:
            for cap in rule.caps():
                yield replace(cap, scope=f"ce:{self._parts.submit.ce}") if cap.scope == "ce" else cap
