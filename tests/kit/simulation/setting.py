"""What all schedules have in common: how long they are, and what there is in them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from autopyfactory.accounting.protocol.accounts import Policy

POLICY = Policy(apart=180.0, apart_without_history=360.0, lease=1000.0)
FAULTS_END = 2400.0
QUIET = FAULTS_END + 700.0  # no pilot ends from here on
END = FAULTS_END + 2100.0  # a lease that began anew with the last fault is over, and settled
POLL, CYCLE, MAXAGE = 60.0, 45.0, 200.0
SPELLINGS = {"p0@h": ("p0@h", "P0@H.", "p0@h:9618", "twin@h"), "p1@h": ("p1@h", "P1@h")}
CES = {"c0": ("c0", "C0.", "c0:9619"), "c1": ("c1", "https://C1/")}


ODD = -(10**12)  # schedules of seeds below it happen in odd conditions, see `Conditions`


@dataclass(frozen=True)
class Conditions:
    """What a schedule has for all its time, besides its faults; the plain ones but for odd schedules."""

    tags: bool = True  # places tell pilots apart, and who they are; else numbers only
    poll: float = POLL  # seconds from one poll to the next
    dead_name: bool = False  # one of a schedd's two names is dead from some time on, and polled all the same
    # Of answers: which share of them is taken in late, and how many seconds at most.
    paused: float = 0.02
    pause: float = 300.0

    @classmethod
    def of(cls, seed: int) -> Conditions:
        """Draw those of the schedule of `seed`."""
        if seed >= ODD:
            return cls()
        rng = random.Random(f"conditions {seed}")
        paused, pause = rng.choice(((0.02, 300.0), (0.1, 300.0), (0.2, 1200.0)))
        if rng.random() < 0.3:  # asked more rarely, two lies would be believed
            return cls(tags=False, paused=paused, pause=pause)
        poll = rng.choice((POLL, POLL, 120.0, 200.0))
        return cls(poll=poll, dead_name=rng.random() < 0.5, paused=paused, pause=pause)

    @property
    def end(self) -> float:
        """Return when the schedule ends: some polls after what faults have left is over, a lease, say."""
        return END + 5 * (self.poll - POLL)

    @property
    def maxage(self) -> float:
        """Return the seconds after which counts are too old to send by."""
        return MAXAGE * self.poll / POLL


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Queue:
    """A queue as it is configured now."""

    name: str
    target: int
    place: str
    ce: str
    enabled: bool = True


def spelled(name: str) -> str:
    """Return what stands for all ways to write `name`."""
    return name.lower().removesuffix(":9618").removesuffix(".")


def one_name(name: str) -> str:
    """Return the name under which the world knows what people call the place `name`."""
    return next(one for one, names in SPELLINGS.items() if name in names or name == one)
