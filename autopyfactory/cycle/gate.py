"""The gate: may this queue act on what it knows? Pure; says why not, in words an operator can act on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from autopyfactory.sources.source import SourceState

Key = Literal["wms", "batch", "history"]
WORDS: dict[Key, str] = {"wms": "WMS status", "batch": "batch status", "history": "history of pilots"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One source as one cycle of one queue sees it."""

    key: Key
    label: str
    age: float | None  # seconds; None: there was no answer yet
    maxage: float
    trouble: str | None = None

    @property
    def kind(self) -> str:
        """Return what this information is, in words."""
        return WORDS[self.key]


def reading(key: Key, label: str, state: SourceState[Any], maxage: float, mono: float) -> Reading:
    """Return how the source's `state` looks at monotonic time `mono` for `queue`."""
    age = state.snapshot.age(mono) if state.snapshot else None
    trouble = f"{state.trouble.text} (since {state.trouble.since:%H:%M:%SZ})" if state.trouble else None
    return Reading(key, label, age, maxage, trouble)


def held_back(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Return every reason not to act; empty when the gate is open."""
    return tuple([reason for r in readings if (reason := _reason(r)) is not None])


def _reason(r: Reading) -> str | None:
    because = f": {r.trouble}" if r.trouble else ""
    if r.age is None:
        return f"no {r.kind} from {r.label} yet{because}"
    if r.age > r.maxage:
        return f"{r.kind} {r.age:.0f} s old (maxage {r.maxage:.0f}){because}"
    return None
