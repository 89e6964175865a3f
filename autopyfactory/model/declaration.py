"""What a rule of the scheduler chain says of itself, so that nothing else has to know rules by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Who = Literal["us", "site", "credentials", "work", "nobody"]
"""Who has to act: the factory's operator, the site, who looks after credentials, who feeds the WMS."""

Part = Literal[
    "other",  # none of these, or not said: nothing is concluded from it
    "starts",  # gives a number of its own and ignores the one so far
    "targets",  # takes the number so far as the pilots wanted in all, and gives what is missing from it
    "divides",  # takes this queue's part of the demand
    "scales",  # multiplies
    "paces",  # spreads the number over several cycles: what it leaves is sent soon
    "guards",  # sends fewer as long as pilots fare badly, or have not shown how they fare
    "limits",  # keeps pilots within a limit
    "raises",  # sends more than the number so far, work or not
    "passes",  # leaves the number as it is, as far as pilots are to be sent
    "holds",  # gives a number of its own for a status of the site or a time: as a rule none
]
"""What a rule does to the number so far."""

Pilots = Literal["pending", "running", "ended"]


@dataclass(frozen=True, slots=True)
class Bite:
    """What `why` tells when a rule has lowered the number."""

    code: str  # for machines, like `throttled`
    who: Who
    next: str  # what to do, a sentence without its full stop


CAPPED = Bite(
    "capped", "us", "raise the limit in the queue's options, or wait until pilots have started or ended"
)
"""Of a rule that says nothing else."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What one rule is. The defaults say nothing, and nothing is concluded from them."""

    part: Part = "other"
    subtracts: frozenset[Pilots] = frozenset()  # pilots that its number no longer contains
    retires: bool = False  # it may give a negative number: pilots to take back
    never_negative: bool = False  # a negative number does not pass it
    grows: bool = False  # (scales) by more than 1
    status: str | None = None  # (holds) the site's status for which it does
    numbers: tuple[str, ...] = ()  # fields of its options: while none of them is set, it does nothing
    cause: Bite | None = None  # None: CAPPED


UNDECLARED = Declaration()
