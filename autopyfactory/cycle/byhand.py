"""Pilots that a person asks for, whatever the work: sent by the queue's own thread, within all of its limits.

What keeps pilots from being sent for a reason of today (a pause, a downtime, a site that is offline) can be
overruled, since one may want to know whether it is over; limits, caps, disks and credentials cannot.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence, Set
from typing import Literal

from autopyfactory.cycle.sender import Sending
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
