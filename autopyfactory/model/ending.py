"""How one pilot ended: what its schedd says of it, and what it says itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SHORT = 60.0  # seconds: a pilot that ran for less did no work worth the name
TAKEN_BACK = "AutoPyFactory: more pilots than needed"  # why a pilot was removed that was sent in vain
CE = "ApfCE"  # the attribute of pilots that says where they go, of queues with several CEs
WALL = "ApfWallMinutes"  # the attribute of pilots that says how long they may run
ON_PURPOSE = ("AutoPyFactory", "via condor_rm")  # how the reasons of those begin that somebody removed

Outcome = Literal["well", "empty", "failed", "dropped", "removed", "taken back"]
GOOD: frozenset[Outcome] = frozenset({"well", "empty"})
BAD: frozenset[Outcome] = frozenset({"failed", "dropped"})


@dataclass(frozen=True, slots=True)
class Start:
    """A pilot that began to run."""

    job: str  # `cluster.proc`
    queue: str
    at: float  # Unix time, by the schedd's clock
    latency: float  # seconds since it was sent
    tag: str = ""  # of its submission
    ce: str = ""  # where it was sent, in its one spelling; empty: the book does not know


@dataclass(frozen=True, slots=True)
class Account:
    """What a pilot says itself, in the last line of its output: the part of its summary that is kept."""

    outcome: str  # ok, empty, failed, cut, refused, node-fault, unfit, stopped, damaged; empty: it is older
    host: str = ""  # the node, by its own word
    owner: str = ""  # who must act when it failed: site, vo, us
    reason: str = ""
    check: str = ""  # the check that found the node unfit
    check_said: str = ""
    payload: str = ""  # which one ran
    payloads: int | None = None  # how many there were; None: it does not say
    empty: bool = False  # all was well and there was nothing to do

    @property
    def words(self) -> str:
        """Return why it failed, as it says."""
        if self.check:
            return f"check {self.check}: {self.check_said or 'failed'}"
        return f"{self.payload}: {self.reason}" if self.payload and self.reason else self.reason


@dataclass(frozen=True, slots=True)
class Ending:
    """A pilot that left its schedd's queue, or is complete in it. Times: Unix time, by the schedd's clock.

    `outcome`: it ended by itself *well*, or well and *empty* (no work), or *failed*; the schedd *dropped* it
    (a rule, or its CE lost it); somebody *removed* it on purpose; we have *taken it back* before it started.
    """

    place: str  # the schedd, in its one spelling
    job: str  # `cluster.proc`
    tag: str  # of its submission
    queue: str
    at: float
    outcome: Outcome
    ce: str = ""  # where it was sent, in its one spelling; empty: the book does not know
    queued: float = 0.0  # when it was sent
    started: float | None = None  # None: it never did
    wall: float = 0.0  # seconds it ran; 0: it never did
    exit_code: int | None = None
    signal: int | None = None  # that killed it
    node: str = ""  # where it ran last, as the schedd has it
    reason: str = ""  # of dropped and removed ones: the schedd's words
    hold_reason: str = ""  # why it was held last, if it was
    hold_code: int = 0
    held_there: bool = False  # the CE holds it: reason and code are the CE's
    output: str = ""  # the files with what it wrote
    errors: str = ""
    account: Account | None = None  # None: it does not say, or nobody could read it
    said: str = ""  # of failed ones: the last lines of what it wrote, and in which file
    said_in: str = ""

    @property
    def good(self) -> bool:
        """Whether it ended by itself and well, with or without work."""
        return self.outcome in GOOD

    @property
    def bad(self) -> bool:
        """Whether it failed, or was dropped; what somebody removed is neither good nor bad."""
        return self.outcome in BAD

    @property
    def empty(self) -> bool:
        """Whether it ended well and had found no work, as it says itself."""
        return self.outcome == "empty"

    @property
    def short(self) -> bool:
        """Whether it ended well after so short a time that it did no work worth the name."""
        return self.good and self.wall < SHORT

    @property
    def host(self) -> str:
        """Return the node: by its own word, else as the schedd has it without the slot; empty: not known."""
        return (self.account.host if self.account else "") or self.node.rpartition("@")[2]

    @property
    def latency(self) -> float | None:
        """Return the seconds from its sending to its start; None: it never started, or that is not known."""
        if self.started is None or not self.queued:
            return None
        return max(0.0, self.started - self.queued)

    @property
    def how(self) -> str:
        """Return how it failed, in words; empty when it did not."""
        if self.outcome == "dropped":
            return "dropped by the schedd"
        if self.outcome != "failed":
            return ""
        if self.signal is not None:
            return f"killed by signal {self.signal}"
        return f"exit code {self.exit_code}" if self.exit_code else "failed by its own account"

    @property
    def failure(self) -> str:
        """Return the class of its failure; empty when it did not fail.

        What the pilot says itself (unfit, node-fault, refused, failed, cut, stopped, damaged), else `killed`,
        `failed`; `dropped` by the schedd.
        """
        if self.outcome == "dropped":
            return "dropped"
        if self.outcome != "failed":
            return ""
        if self.account is not None and self.account.outcome not in ("", "ok", "empty"):
            return self.account.outcome
        return "killed" if self.signal is not None else "failed"
