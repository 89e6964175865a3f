"""What one cycle of one queue knew, decided and did: the event that everything which reports lives on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from autopyfactory.decision import CycleInputs, Decision

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

    @property
    def submitted(self) -> int:
        """Pilots that were sent for sure in this cycle."""
        return sum(s.count for s in self.sent if s.cluster is not None)

    def as_dict(self) -> dict[str, Any]:
        """Return plain data (datetimes stay datetimes)."""
        return asdict(self)
