"""What one cycle of one queue knew, decided and did: the event that everything which reports lives on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Literal

from autopyfactory.model.decision import CycleInputs, Decision

Outcome = Literal["sent", "nothing", "held back", "paused", "retired", "failed"]


@dataclass(frozen=True, slots=True)
class Sent:
    """One submission of a cycle."""

    tag: str
    target: str  # the schedd, as people write it
    ce: str
    count: int
    cluster: str | None = None  # None: its answer was lost; it counts as pending until it is looked up
    first_proc: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class HeldGroup:
    """Pilots that the schedd holds, or has dropped, for one reason."""

    reason: str  # of one of them, as the schedd has it
    count: int
    code: int = 0  # HoldReasonCode
    since: datetime | None = None  # when that happened to the first of them
    example: str = ""  # the id of one of them
    there: bool = False  # the CE holds them: reason and code are the CE's


@dataclass(frozen=True, slots=True)
class Failed:
    """Pilots that ended by themselves, when most of the last ones failed."""

    ended: int  # how many of the last ones are looked at
    count: int  # how many of those failed
    how: str  # most of these did: `exit code 1`
    wall: float  # seconds that those had run, in the median
    output: str = ""  # the file with what the last of them wrote
    why: str = ""  # what most of them said themselves: `check cvmfs: atlas.cern.ch hangs`
    hosts: tuple[str, ...] = ()  # nodes on which several failed and none did well: `node7 (4)`
    quote: str = ""  # the last lines of `output`


@dataclass(frozen=True, slots=True)
class Empty:
    """Pilots that ended well and had found no work, when most of the last ones did."""

    ended: int  # how many of the last ones are looked at
    count: int  # how many of those were empty
    wall: float  # seconds that those had run, in the median
    output: str = ""  # the file with what the last of them wrote
    jobs: tuple[str, ...] = ()  # what jobs ask for that pilots may not have, in words; empty: not known


@dataclass(frozen=True, slots=True)
class Match:
    """Which machines of the local pool would take an idle pilot."""

    machines: int  # in the pool
    fit: int  # of them would take it
    clauses: tuple[tuple[str, int], ...] = ()  # of its Requirements: the machines each excludes, most first
    refuse: int = 0  # machines whose own Requirements exclude it


@dataclass(frozen=True, slots=True)
class Unmoved:
    """Pilots that ended well while the WMS showed no work that was taken or done."""

    count: int
    wall: float  # seconds that they had run, in the median
    since: datetime  # nothing has moved
    ready: int  # jobs
    running: int
    output: str = ""  # the file with what the last of them wrote


@dataclass(frozen=True, slots=True)
class Fared:
    """How the pilots of one queue fared that ended in the last hour."""

    ended: int
    failed: int = 0  # by themselves, or dropped by the schedd
    empty: int = 0
    wasted_hours: float = 0.0  # that these ran
    short: int = 0  # ended well within a minute
    failures: Mapping[str, int] = field(default_factory=dict)  # by class, see `model.ending`; the most
    checks: Mapping[str, int] = field(default_factory=dict)  # by the check that found their node unfit
    hosts: Mapping[str, int] = field(default_factory=dict)  # by node


@dataclass(frozen=True, slots=True)
class Troubles:
    """What a schedd says about the pilots of one queue that are stuck, and how those that ended fared."""

    asked_at: datetime
    held: tuple[HeldGroup, ...] = ()
    lost: tuple[HeldGroup, ...] = ()  # pilots that were taken out of the queue lately, not by us, and why
    ce_down: int = 0  # pilots whose CE does not answer
    ce_down_since: datetime | None = None
    ce: str = ""  # that CE, as the schedd has it (GridResource)
    probe: str | None = None  # what was seen when somebody tried that CE; None: nobody did
    probe_code: str = ""  # ce-down, ce-refuses: what that means; empty: nothing certain
    oldest_pending: datetime | None = None  # when the pilot that waits longest was sent
    error: str | None = None  # why the schedd could not be asked; the rest means nothing then
    failed: Failed | None = None  # None: few failed lately, or none ended
    match: Match | None = None  # of the pilot that waits longest in the local pool; None: not asked
    empty: Empty | None = None  # None: most that ended lately had work, or do not say
    unmoved: Unmoved | None = None  # None: work moves, or that is not known
    fared: Fared | None = None  # None: none failed, was empty or short
    newest_start: datetime | None = None  # when a pilot started last
    patience: float = 360.0  # seconds that a pilot may wait, by what this queue usually sees
    usual_wait: float | None = None  # seconds within which pilots usually start; None: not known

    @property
    def any(self) -> bool:
        """Whether something is wrong, as far as the schedd could be asked."""
        alone = self.match is not None and not self.match.fit
        return self.stuck or alone or any((self.failed, self.empty, self.unmoved, self.fared))

    @property
    def stuck(self) -> bool:
        """Whether pilots do not get to run, as far as the schedd could be asked."""
        return bool(self.held or self.lost or self.ce_down)


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """One cycle, complete enough to answer "why?" later."""

    queue: str
    number: int  # of this cycle in this life of the queue
    started: datetime
    outcome: Outcome
    reason: str  # one line in plain words
    duration: float = 0.0  # seconds
    inputs: CycleInputs | None = None
    ages: Mapping[str, float] = field(
        default_factory=dict
    )  # seconds, by kind of information: wms, batch, ...
    gate: tuple[str, ...] = ()  # why submission was held back; empty: the gate was open
    decision: Decision | None = None
    wanted: int = 0  # what the chain said
    granted: int = 0  # what the caps left of it
    caps: tuple[str, ...] = ()  # the caps that bit, in words
    sent: tuple[Sent, ...] = ()
    retired: int = 0
    wmsqueue: str | None = None
    # what else stood in the way, as far as it was known in this cycle
    errors: Mapping[str, str] = field(default_factory=dict)  # last error of a source, by kind: wms, batch
    pause: str | None = None  # the pause or drain in effect, in words
    unresolved: tuple[str, ...] = ()  # submissions whose fate is not known yet, in words
    breaker: str | None = None  # which breaker is open, and why; None: none is
    breaker_scope: str = ""  # what it guards: ce, credential (there), queue (the queue's own pilots there)
    bad_nodes: tuple[str, ...] = ()  # where pilots go wrong while other nodes do well: `node7 (4)`
    credential: str | None = None  # what is wrong with the credential; None: nothing known
    profile: str | None = None  # the credential profile that is used; None: none is named, or valid
    troubles: Troubles | None = None  # what the schedd said about this queue's pilots; None: not asked
    found: tuple[Sent, ...] = ()  # submissions of earlier cycles that turned out to have taken place

    @property
    def submitted(self) -> int:
        """Pilots that were sent for sure in this cycle."""
        return sum(s.count for s in self.sent if s.cluster is not None)

    def changed(self, **values: Any) -> CycleRecord:
        """Return this record with other `values`: `dataclasses.replace`, in a quarter of its time.

        Raises KeyError for what is no field.
        """
        all_values = list(_VALUES(self))
        for name, value in values.items():
            all_values[_PLACES[name]] = value
        return CycleRecord(*all_values)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data (datetimes stay datetimes)."""
        return asdict(self)


_NAMES = tuple(f.name for f in fields(CycleRecord))
_VALUES = attrgetter(*_NAMES)
_PLACES = {name: i for i, name in enumerate(_NAMES)}


@dataclass(frozen=True, slots=True)
class FactoryEvent:
    """Something that happened to the factory or a queue outside of a cycle."""

    kind: str  # started, stopped, reloaded, paused, resumed, drained, problem, ...
    at: datetime
    text: str = ""  # in plain words
    queue: str | None = None  # None: the factory as a whole
    facts: Mapping[str, int | float | str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data (datetimes stay datetimes)."""
        return asdict(self)


Event = CycleRecord | FactoryEvent
