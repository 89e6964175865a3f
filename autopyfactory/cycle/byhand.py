"""Pilots that a person asks for, whatever the work: sent by the queue's own thread, within all of its limits.

What keeps pilots from being sent for a reason of today (a pause, a downtime, a site that is offline) can be
overruled, since one may want to know whether it is over; limits, caps, disks and credentials cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.cycle.carried import Carried
from autopyfactory.cycle.doing import AT_ONCE
from autopyfactory.cycle.gate import held_back
from autopyfactory.cycle.inputs import InputReader
from autopyfactory.cycle.neighbours import Neighbours
from autopyfactory.cycle.rules import Rules
from autopyfactory.cycle.sender import Sending
from autopyfactory.cycle.turns import TURNS
from autopyfactory.cycle.ways import Way, Ways
from autopyfactory.model.clock import Clock
from autopyfactory.model.decision import CycleInputs, Rule, Step, declaration_of
from autopyfactory.model.declaration import CAPPED, Who


class NotSent(Exception):
    """Nothing was sent; the text says why. `who` has to act, and `next` says how.

    `full`: a limit is reached. Pilots that wait for a dead CE fill it as well: then it is not the cause.
    """

    def __init__(self, text: str, who: Who = "us", next: str = "", *, full: bool = False) -> None:
        super().__init__(text)
        self.full = full
        self.who: Who = who
        self.next = next


Overruled = Literal["pause", "rules"]
"""What an order may overrule: a person's pause; rules that hold back for a status or a time, or until pilots
have shown how they fare."""
ANYWAY = "ask with --anyway to send all the same"


class Order:
    """So many pilots that a person wants now; answered once, by the queue's thread."""

    def __init__(self, n: int, overrules: Set[Overruled] = frozenset()) -> None:
        self.n, self.overrules = n, overrules
        self._answered = threading.Event()
        self._begun = self._withdrawn = False
        self._lock = threading.Lock()
        self._sent: Sending | None = None
        self._error: Exception | None = None

    def carry_out(self, send: Callable[[Order], Sending]) -> None:
        """Let `send` do it, unless nobody waits for it any more; what it raises is the answer then."""
        with self._lock:
            if self._withdrawn:
                return
            self._begun = True
        try:
            self._sent = send(self)
        except Exception as err:  # noqa: BLE001 - whoever asked is told, whatever it is
            self._error = err
        finally:
            self._answered.set()

    def answer(self, timeout: float) -> Sending:
        """Return what was sent. Raises NotSent, and TimeoutError when the queue does not come round to it.

        After a TimeoutError it is not begun any more.
        """
        if not self._answered.wait(timeout):
            with self._lock:
                self._withdrawn = not self._begun
            if self._withdrawn:
                raise TimeoutError(f"the queue has not come round to it within {timeout:g} s")
            if not self._answered.wait(timeout):
                raise TimeoutError(f"the submission has not ended within {timeout:g} s")
        if self._error is not None:
            raise self._error
        if self._sent is None:  # its thread was given up while it was in a plugin
            raise NotSent("the queue's thread was left behind while it sent: pilots may have gone, see `why`")
        return self._sent


def _plainly(rule: Rule, n: int, inputs: CycleInputs) -> Step:
    return rule.calc(n, inputs)


def allowed(
    order: Order,
    chain: Sequence[Rule],
    inputs: CycleInputs,
    stale: Set[str],
    calculate: Callable[[Rule, int, CycleInputs], Step] = _plainly,
) -> int:
    """Return how many of an order's pilots the queue's own limits let pass.

    Of the chain only those rules count that limit or hold: where the number comes from is a person. stale:
    needs of which nothing is known that is new enough. Raises NotSent.
    """
    n = order.n
    for rule in chain:
        said = declaration_of(rule)
        if said.part not in ("limits", "holds", "guards") or (
            "rules" in order.overrules and said.part != "limits"
        ):
            continue
        if unknown := sorted(need for need in rule.needs if need in stale or _unknown(inputs, need)):
            raise NotSent(f"{rule.name} cannot be asked: nothing is known of {', '.join(unknown)}")
        step = calculate(rule, n, inputs)
        if step.n_out < n:
            n, bite = step.n_out, step.cause or said.cause or CAPPED
            if n <= 0:
                full = said.part == "limits"
                then = bite.next if full else ANYWAY
                raise NotSent(f"{rule.name}: {step.reason}", bite.who, then, full=full)
    return n


def _unknown(inputs: CycleInputs, need: str) -> bool:
    return need in ("wms", "batch", "site", "history") and getattr(inputs, need) is None


@dataclass(frozen=True, slots=True)
class ByHand:
    """What it takes to send them; used by the queue's thread."""

    queue: str
    book: Bookkeeper
    neighbours: Neighbours
    clock: Clock
    reader: InputReader
    ways: Ways
    rules: Rules
    carried: Carried

    def send(self, order: Order) -> Sending:
        """Send what a person asked for, within all limits. Raises NotSent, and what the plugins raise."""
        now = self.clock.now()
        self._let_in(order, now)
        with TURNS.turn(self.queue):
            seen = self.book.open(self.queue)
            inputs, readings = self.reader.read(now)
            shut = self._shut({} if "rules" in order.overrules else self.rules.down(inputs))
            stale = {str(r.key) for r in readings if held_back([r])}
            stale |= {"site"} if "wms" in stale else set()
            begun = self.clock.monotonic()
            n = allowed(order, self.rules.chain, inputs, stale, self.rules.calculate)
            if self.clock.monotonic() - begun > AT_ONCE:
                raise NotSent("a rule has hung: what was known is old, ask again")
        return self._go(self.ways.freest(shut), n, seen)

    def _let_in(self, order: Order, now: datetime) -> None:
        """Raise NotSent where a pause, the factory, pilots' files or credentials keep it from being sent."""
        pause = self.neighbours.paused(self.queue)
        if pause is not None and "pause" not in order.overrules:
            raise NotSent(f"the queue is {pause.words}", "us", ANYWAY)
        missing = self.carried.gone(now)
        if closed := (*self.neighbours.blocked(), *missing):
            raise NotSent("; ".join(closed))
        choice = self.carried.choose(now)
        if choice is not None and choice.closed:
            raise NotSent("; ".join(choice.closed), "credentials")

    def _shut(self, down: Mapping[str, str]) -> dict[Way, str]:
        """Return the ways over which nothing may go now, and why. `down`: CEs. Raises NotSent if all are."""
        shut = {way: why for way in self.ways.all if (why := self._closed(way) or down.get(way.ce, ""))}
        if len(shut) == len(self.ways.all):
            raise NotSent("; ".join(dict.fromkeys(shut.values())))
        return shut

    def _closed(self, way: Way) -> str:
        """Return why nothing may go over a way, also if a person wants it; empty: something may."""
        why = ""
        if self.ways.several:  # else it has been looked at
            why = self.reader.shut.get(way.target, "") or self.carried.closed(way)
        return why or "; ".join(self.book.holds(way.target))

    def _go(self, way: Way, n: int, seen: int) -> Sending:
        """Send `n` pilots over `way`; `seen`: the queue's open pilots when that was decided."""
        if way.permit.words and n > 1:
            raise NotSent(f"a breaker is open: {way.permit.words}", "us", "send one pilot, to see")
        # one pilot is a probe then, whenever the next one was due
        taken = way.permit.words is not None and way.gate is not None and way.gate.take_probe()
        done = way.sender.send(n, seen)
        if taken and way.gate is not None and not any(one.count for one in done.sent):
            way.gate.give_back()
        if not done.sent:
            why = "; ".join(done.notes) or "the factory is stopping"
            raise NotSent(why, CAPPED.who, CAPPED.next, full=bool(done.notes))
        return done
