"""The scheduler chain as a pure fold: what is known goes in, a number and its reasons come out.

No I/O, no clock, no state: the same inputs always give the same decision, so a decision can be
replayed, simulated and explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, Protocol

from autopyfactory.model import shares
from autopyfactory.model.declaration import UNDECLARED, Bite, Declaration, Part
from autopyfactory.model.downtimes import NOTHING, Declared
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo

Need = Literal["wms", "batch", "site", "history", "factory"]
Fact = int | float | str


@dataclass(frozen=True, slots=True)
class Step:
    """What one scheduler plugin did: the number before and after, and why, in plain words."""

    plugin: str
    n_in: int
    n_out: int
    reason: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    final: bool = False  # the chain ends here, at 0: what this rule must know to be safe is missing
    spares_running: bool = False  # a negative number means pending pilots only
    part: Part = "other"  # as the rule declares it
    cause: Bite | None = None  # what the rule declares for when it lowers the number; None: it did not
    divided: bool = False  # the number is this queue's part of the demand already: no later rule divides it

    @property
    def message(self) -> str:
        """Return the line monitors know from 2.4, e.g. `Ready:in=0,activated=83,pending=10,ret=73`."""
        facts = {"in": self.n_in, **self.facts, "ret": self.n_out}
        return f"{self.plugin}:" + ",".join(f"{k}={v}" for k, v in facts.items())


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit wider than one queue, enforced when pilots are reserved, not only when they are counted.

    `scope` names who shares it: `factory`, `ce:<host>`, ... ; `way` is the way from one schedd to one CE.
    `maximum` counts pilots in that scope that are pending or running.
    """

    scope: str
    maximum: int
    rule: str  # the plugin that asks for it, for the explanation


@dataclass(frozen=True, slots=True)
class EndedPilot:
    """One pilot that ended: how long ago it started and how long it ran, in seconds."""

    started_ago: float
    wall: float


@dataclass(frozen=True, slots=True)
class RecentPilots:
    """What happened to this queue's pilots lately (see the `history` source)."""

    window: float = 3600.0  # seconds that the counts below look back
    submitted_total: int = 0  # over the whole life of the queue
    submitted: int = 0
    started: int = 0
    finished: int = 0
    short: int = 0  # of the finished ones: shorter than the short limit
    failed: int = 0
    empty: int = 0  # ran no payload
    start_latency: float | None = (
        None  # seconds within which half of the pilots start, a bound; None: none did
    )
    lifetime: float | None = None  # seconds a pilot lives, median
    ended: tuple[EndedPilot, ...] | None = None  # the latest ones, a bounded number; None: not kept
    starts: tuple[float, ...] = ()  # how many seconds ago pilots started, the latest, a bounded number
    failures: Mapping[str, int] = field(default_factory=dict)  # those that failed by themselves, by class
    wasted_hours: float = 0.0  # that the failed and the empty ones ran


@dataclass(frozen=True, slots=True)
class PastCycle:
    """The counts that an earlier cycle of this queue saw."""

    ago: float  # seconds
    ready: int
    jobs_running: int
    pending: int
    running: int
    others_pending: int = 0  # of the other queues that share the demand
    others_running: int = 0


@dataclass(frozen=True, slots=True)
class OtherQueues:
    """What a queue has to know of the others, as far as its rules need it; see `CycleInputs`."""

    factory_active: int | None = None
    scope_active: Mapping[str, int] = field(default_factory=dict)
    share: shares.Part = shares.WHOLE
    factory: shares.Part = shares.WHOLE  # of several factories that serve the same demand
    sharing_pending: int = 0
    sharing_running: int = 0
    declared: Declared = NOTHING  # downtimes of its site, if its rules ask for them


@dataclass(frozen=True, slots=True)
class CycleInputs:
    """All that one cycle of one queue knows. `None` is "not known", never zero."""

    queue: str
    wms: WMSQueueInfo | None = None
    batch: BatchQueueInfo | None = None
    site: SiteInfo | None = None
    history: RecentPilots | None = None
    factory_active: int | None = None  # pilots pending and running over all queues of this factory
    now: datetime = field(default_factory=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    starting: int = 0  # of the running pilots: those whose work the WMS cannot show as taken yet
    cores: int = 1  # what one pilot of this queue asks for
    memory_mb: int = 0
    share: float = 1.0  # this queue's part of the demand it shares with others, 0..1
    scope_active: Mapping[str, int] = field(default_factory=dict)  # pilots per cap scope
    # The shares of all queues of a WMS queue lie side by side on 0..1: this one's is from here to there.
    share_lower: float = 0.0
    share_upper: float = 1.0
    factory: shares.Part = shares.WHOLE  # this factory's part of a demand that several factories serve
    others_pending: int = 0  # pilots of the other queues that share the demand
    others_running: int = 0
    past: tuple[PastCycle, ...] = ()  # earlier cycles of this queue, newest first, a bounded number
    declared: Declared = NOTHING  # downtimes of its site that others have declared


class Rule(Protocol):
    """What the fold needs of a scheduler plugin."""

    @property
    def name(self) -> str:
        """Return what users call it."""

    @property
    def needs(self) -> frozenset[Need]:
        """Return what must be known before it can calculate."""

    def calc(self, n: int, inputs: CycleInputs) -> Step:
        """Turn the number so far into a new one; pure. A negative number asks to retire pilots."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The number of pilots to send (negative: to retire), with every step that led to it."""

    n: int
    steps: tuple[Step, ...]

    @property
    def decisive(self) -> Step | None:
        """Return the step that made the number what it is: the last one that changed it, else the first."""
        changed = [s for s in self.steps if s.n_out != s.n_in]
        if changed:
            return changed[-1]
        return self.steps[0] if self.steps else None

    @property
    def message(self) -> str:
        """Return all steps in the form that monitors know, joined by `;`."""
        return ";".join(s.message for s in self.steps)


_FIELDS: Mapping[Need, str] = {
    "wms": "wms",
    "batch": "batch",
    "site": "site",
    "history": "history",
    "factory": "factory_active",
}


def told(inputs: CycleInputs) -> frozenset[Need]:
    """Return what of all that rules may need is known in `inputs`."""
    return frozenset([need for need, field in _FIELDS.items() if getattr(inputs, field) is not None])


def declaration_of(rule: Rule) -> Declaration:
    """Return what `rule` says of itself; a rule need not say anything."""
    said: Declaration = getattr(rule, "declaration", UNDECLARED)
    return said


def _with_declaration(step: Step, said: Declaration) -> Step:
    """Let `step` carry what readers of its record need, who do not have the rule."""
    cause = (step.cause or said.cause) if step.n_out < step.n_in else None
    if step.part == said.part and step.cause == cause:
        return step
    return replace(step, part=said.part, cause=cause)


def _calculated(rule: Rule, n: int, inputs: CycleInputs) -> Step:
    return rule.calc(n, inputs)


Calc = Callable[[Rule, int, CycleInputs], Step]


def decide(chain: Iterable[Rule], inputs: CycleInputs, calc: Calc = _calculated) -> Decision:
    """Fold `chain` over `inputs`, starting from 0; `calc` asks a rule, for those who guard that.

    A plugin whose needs are not met ends the chain at 0 (fail closed): a later plugin such as
    MinPerCycle must not turn missing information into pilots.
    """
    n = 0
    divided = False
    steps: list[Step] = []
    there = told(inputs)
    for rule in chain:
        lacking = rule.needs - there  # also what nobody tells
        if lacking:
            words = " and ".join(f"{what} information" for what in sorted(lacking))
            facts = {"comment": f"no {words}"}
            steps.append(Step(rule.name, n, 0, f"no {words}: nothing is sent", facts, final=True))
            return Decision(0, tuple(steps))
        said = declaration_of(rule)
        if divided and said.part == "divides":
            step = Step(rule.name, n, n, "the number is this queue's part already")
        else:
            step = calc(rule, n, inputs)
        step = _with_declaration(step, said)
        divided = divided or step.divided
        steps.append(step)
        if step.final:
            return Decision(min(0, step.n_out), tuple(steps))
        n = step.n_out
    return Decision(n, tuple(steps))
