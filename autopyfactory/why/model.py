"""What an explanation is made from, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from autopyfactory.model.declaration import Who
from autopyfactory.model.record import Troubles
from autopyfactory.pauses import Pause


@dataclass(frozen=True, slots=True)
class LiveState:
    """What is known now, beside the records of past cycles. None means "not known" everywhere."""

    now: datetime
    running: bool = True  # whether a factory answers
    configured: bool | None = None  # whether the configuration has such a queue
    enabled: bool | None = None
    problems: tuple[str, ...] = ()  # of the configuration, that keep this queue from running
    period: float | None = None  # seconds between two cycles
    pause: Pause | None = None
    troubles: Troubles | None = None
    credential: str | None = None  # what is wrong with it
    profile: str | None = None  # the credential profile that is valid now, and used
    missing: tuple[str, ...] = ()  # files that pilots need, in words
    breaker: str | None = None  # which one is open, and why
    breaker_scope: str = ""  # what it guards: ce, credential, queue
    bad_nodes: tuple[str, ...] = ()  # where pilots go wrong while other nodes do well
    ce: str = ""  # as people write it
    target: str = ""  # the schedd, as people write it
    others: tuple[str, ...] = ()  # WMS queues with jobs, when the WMS has none at all for this one
    served: tuple[str, ...] = ()  # those of them that other queues of this factory serve
    hangs: str = ""  # which of its plugins does not return, in words
    silent: str | None = None  # why a factory that may well run could not be asked


@dataclass(frozen=True, slots=True)
class Cause:
    """One thing that stands in the way, and what to do about it."""

    code: str  # for machines: paused, capped, wms-down, ce-down, ...
    words: str  # for people, a sentence without its full stop
    next: str = ""  # what to do; empty: nothing
    who: Who = "us"
    since: datetime | None = None
    blocks: bool = True  # whether pilots are not sent, or not started, because of it
    example: str = ""  # for instance the text that the schedd gave
    by_rule: bool = False  # a rule of the chain, or a cap that it asks for
    shared: str = ""  # the words without what is this queue's alone, such as its numbers; empty: `words`


@dataclass(frozen=True, slots=True)
class Run:
    """Cycles in a row that ended alike."""

    since: datetime
    until: datetime
    cycles: int
    submitted: int
    words: str


@dataclass(frozen=True, slots=True)
class Story:
    """The answer to "why?"."""

    queue: str
    at: datetime | None  # when the last cycle that it tells of started
    asked_at: datetime
    from_factory: bool  # from the running factory; else from the history
    submitted: int  # pilots, in that cycle
    headline: str
    causes: tuple[Cause, ...] = ()  # the most important first
    next: tuple[str, ...] = ()  # what to do, in this order
    steps: tuple[str, ...] = ()  # the chain, rule by rule
    known: tuple[str, ...] = ()  # what the cycle knew, and how old that was
    runs: tuple[Run, ...] = ()  # the latest first

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the code of each cause."""
        return tuple(c.code for c in self.causes)
