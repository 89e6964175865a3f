"""What is wrong with queues, without their stories: for tables, for monitoring, for all at once. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from autopyfactory.model.record import CycleRecord
from autopyfactory.why.explain import LATER, causes, ordered, rank
from autopyfactory.why.model import Cause, LiveState

# An order of a person is no trouble, and a queue that has just started has none yet.
_INTENDED = {"paused", "draining", "disabled", "no-cycle-yet", *LATER}


@dataclass(frozen=True, slots=True)
class Trouble:
    """One cause, and the queues that have it."""

    cause: Cause
    queues: tuple[str, ...]


def problems(record: CycleRecord | None, live: LiveState | None = None) -> tuple[Cause, ...]:
    """Return what is wrong with the queue after the cycle in `record`, the worst first.

    The same causes that `why` tells, without those that are as somebody wants them: orders, rules of the
    chain, no work.
    """
    return tuple(c for c in ordered(causes(record, live)) if _wrong(c))


def _wrong(cause: Cause) -> bool:
    if cause.code == "nothing-ready":
        return cause.who == "us"  # its jobs may well be there, under a name that we have misspelt
    return not cause.by_rule and cause.who != "nobody" and cause.code not in _INTENDED


def together(found: Mapping[str, Iterable[Cause]]) -> list[Trouble]:
    """Return the troubles of queues (by name), each with all queues that have it; the worst first.

    One trouble of several queues that tell it with numbers of their own is told without these. Worse is
    what keeps pilots from being sent or started, then what explains more of the rest, then what more queues
    have.
    """
    same: dict[tuple[str, str, str], list[tuple[str, Cause]]] = {}
    for name, its in sorted(found.items()):
        for cause in its:
            same.setdefault((cause.code, cause.shared or cause.words, cause.next), []).append((name, cause))
    made = [
        Trouble(_one([cause for _, cause in those]), tuple(dict.fromkeys(name for name, _ in those)))
        for those in same.values()
    ]
    return sorted(made, key=lambda t: (not t.cause.blocks, rank(t.cause), -len(t.queues), t.queues))


def _one(alike: Sequence[Cause]) -> Cause:
    """Return what is told of several queues' causes that are one trouble."""
    first = next((c for c in alike if c.blocks), alike[0])
    if len(alike) == 1:
        return first
    words = first.words if len({c.words for c in alike}) == 1 else first.shared
    since = min((c.since for c in alike if c.since is not None), default=None)
    return replace(first, words=words, since=since)
