"""Caps wider than one queue, never exceeded by one: counting, granting and noting down are one act.

A grant is the intent in the ledger: it counts from the moment it is written until its pilots are visible in
a snapshot or known not to exist. So there is no second book that could disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.unseen import Intent
from autopyfactory.model.decision import Cap

Active = Callable[[str], int | None]
"""Pilots pending or running in a scope, unseen ones included; None: not known."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a queue may send now: `intent` is None when nothing is left for it."""

    intent: Intent | None
    notes: tuple[str, ...] = ()  # the caps that bit, in words


class Reservations:
    """Grants pilots to queue threads so that the caps they share always hold."""

    def __init__(self, ledger: Ledger, active: Active):
        self._ledger = ledger
        self._active = active

    def reserve(self, queue: str, target: str, n: int, caps: Iterable[Cap]) -> Grant:
        """Grant up to `n` pilots to `queue` and write down the intent to send them.

        A cap whose scope cannot be counted grants nothing.
        """
        with self._ledger.lock:
            notes = []
            for cap in caps:
                active = self._active(cap.scope)
                if active is None:
                    return Grant(None, (f"{cap.rule}: pilots in {cap.scope} are not known",))
                room = max(0, cap.maximum - active)
                if room < n:
                    notes.append(f"{cap.rule} ({cap.maximum}) leaves {room}: {active} active in {cap.scope}")
                    n = room
            if n <= 0:
                return Grant(None, tuple(notes))
            return Grant(self._ledger.intend(queue, target, n), tuple(notes))
