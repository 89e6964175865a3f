"""Steps of a look at a site, each within a time limit: what it found, how long it took, who has to act."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from autopyfactory.model.declaration import Who
from autopyfactory.model.text import printable

Outcome = Literal["fine", "doubtful", "wrong", "skipped"]
"""Doubtful: it may be wrong, which only somebody else can tell; skipped: what it needs has failed."""

LIMIT = 20.0  # seconds for one step
STRETCH = 1.0  # times all limits: for tests, on machines that are busy with many
GRACE = 2.0  # seconds more, for a step to say itself that its time is up
LONGEST = 500  # characters of what others say


@dataclass(frozen=True, slots=True)
class Found:
    """What one step found."""

    words: str
    outcome: Outcome = "fine"
    who: Who | None = None  # has to act
    next: str = ""  # what to do, a sentence without its full stop


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken, or was not."""

    name: str
    found: Found
    seconds: float = 0.0


Look = Callable[[float], Found]
"""Looks, within so many seconds."""


@dataclass(slots=True)
class Course:
    """Steps, in their order."""

    steps: list[Step] = field(default_factory=list)

    def take(self, name: str, look: Look, *after: str, limit: float = LIMIT) -> Found:
        """Take the step `name`, unless one of those named in `after` was not good enough; return its find.

        It ends in time whatever `look` does: one that hangs is left to itself.
        """
        failed = [s.name for s in self.steps if s.name in after and s.found.outcome in ("wrong", "skipped")]
        if failed:
            found = Found(f"not tried: {failed[0]} comes first", "skipped")
            self.steps.append(Step(name, found))
            return found
        begun = time.monotonic()
        found = _within(look, limit * STRETCH, name)
        self.steps.append(Step(name, found, time.monotonic() - begun))
        return found

    @property
    def first_wrong(self) -> Step | None:
        """Return the first step that went wrong."""
        return next((s for s in self.steps if s.found.outcome == "wrong"), None)

    @property
    def doubts(self) -> tuple[Step, ...]:
        """Return the steps that may be wrong."""
        return tuple(s for s in self.steps if s.found.outcome == "doubtful")

    @property
    def outcome(self) -> Outcome:
        """Return what the whole comes to."""
        return "wrong" if self.first_wrong else "doubtful" if self.doubts else "fine"

    def as_data(self) -> list[Mapping[str, Any]]:
        """Return the steps as plain data."""
        return [
            {
                "step": s.name,
                "outcome": s.found.outcome,
                "words": s.found.words,
                "seconds": round(s.seconds, 3),
                "who": s.found.who,
                "next": s.found.next,
            }
            for s in self.steps
        ]


def _within(look: Look, limit: float, name: str) -> Found:
    answers: list[Found] = []

    def run() -> None:
        try:
            answers.append(look(limit))
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            answers.append(Found(printable(f"{type(err).__name__}: {err}", LONGEST), "wrong", "us"))

    thread = threading.Thread(target=run, name=f"check {name}", daemon=True)
    thread.start()
    thread.join(limit + GRACE)
    return answers[0] if answers else Found(f"it did not end within {limit:g} s", "wrong", "us")
