"""What all schedules have in common: how long they are, and what there is in them."""

from __future__ import annotations

from dataclasses import dataclass

from autopyfactory.accounting.protocol.accounts import Policy

POLICY = Policy(apart=180.0, apart_without_history=360.0, lease=1000.0)
FAULTS_END = 2400.0
QUIET = FAULTS_END + 700.0  # no pilot ends from here on
END = FAULTS_END + 1500.0
POLL, CYCLE, MAXAGE = 60.0, 45.0, 200.0
SPELLINGS = {"p0@h": ("p0@h", "P0@H.", "p0@h:9618", "twin@h"), "p1@h": ("p1@h", "P1@h")}
CES = {"c0": ("c0", "C0.", "c0:9619"), "c1": ("c1", "https://C1/")}


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
