"""How much a schedd takes, by its own settings, and how much of that is used: a cap, known ahead.

The schedd counts all jobs of its queue, or of one owner; a gridmanager submits so many jobs to one resource
(`JobLimit` in its ads), and lets the others lie idle without a word.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autopyfactory.condor.target import Target
from autopyfactory.model.decision import Cap

PER_OWNER, IN_ALL = "MAX_JOBS_PER_OWNER", "MAX_JOBS_SUBMITTED"
PER_RESOURCE = "GRIDMANAGER_MAX_SUBMITTED_JOBS_PER_RESOURCE"
SETTINGS = (PER_OWNER, IN_ALL, PER_RESOURCE)
ENDLESS = 2**31 - 1  # how HTCondor writes "no limit"
FRESH = 900.0  # seconds that what a schedd said counts
AHEAD = 0.9  # of a limit: from there on it is told


@dataclass(frozen=True, slots=True)
class Resource:
    """One CE as a gridmanager of the schedd sees it."""

    jobs: int
    limit: int


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one schedd says."""

    limits: Mapping[str, int] = field(default_factory=dict)  # by setting; what has no limit is not there
    ours: int = 0  # jobs of this factory in its queue
    owners: int = 0  # other jobs of the same owner
    others: int = 0  # all jobs that are not ours
    resources: Mapping[str, Resource] = field(default_factory=dict)  # by GridResource

    def caps(self, resource: str = "") -> Iterator[Cap]:
        """Yield what holds for pilots of ours at the schedd, and at `resource` if they go to one."""
        for name, others in ((PER_OWNER, self.owners), (IN_ALL, self.others)):
            if name in self.limits:
                limit = self.limits[name]
                rule = f"{name}, {limit} less {others} jobs of others," if others else name
                yield Cap("schedd", max(0, limit - others), rule)
        known = self.resources.get(resource)
        limit_there = known.limit if known else self.limits.get(PER_RESOURCE)
        if resource and limit_there is not None:
            yield Cap("way", limit_there, PER_RESOURCE)  # each schedd has gridmanagers of its own

    def near(self, schedd: str) -> Iterator[str]:
        """Yield what is used up but for a tenth, in words."""
        for name, used in ((PER_OWNER, self.ours + self.owners), (IN_ALL, self.ours + self.others)):
            limit = self.limits.get(name)
            if limit is not None and used >= AHEAD * limit:
                yield f"{used} of {limit} jobs are at the schedd {schedd} ({name})"
        for name, resource in self.resources.items():
            if resource.jobs >= AHEAD * resource.limit:
                words = f"{resource.jobs} of {resource.limit} pilots to {name.partition(' ')[2] or name}"
                yield f"{words} are at the schedd {schedd} ({PER_RESOURCE}): more would lie idle there"


def capacity(answer: Mapping[str, Any]) -> Capacity:
    """Make a Capacity of what the child process answers to `capacity`."""
    owner = str(answer["user"]).partition("@")[0]
    others = {str(name): int(n) for name, n in answer["others"]}
    return Capacity(
        limits={name: n for name in SETTINGS if (n := _number(answer["settings"].get(name))) is not None},
        ours=int(answer["ours"]),
        owners=others.get(owner, 0),
        others=sum(others.values()),
        resources=dict(_resources(answer["resources"])),
    )


def _number(text: str | None) -> int | None:
    """Return the number that a setting begins with (some resources' own may follow); None: no limit."""
    hit = re.match(r"\s*(\d+)", text or "")
    return None if hit is None or int(hit[1]) >= ENDLESS else int(hit[1])


def _resources(ads: Iterable[tuple[Any, Any, Any]]) -> Iterator[tuple[str, Resource]]:
    """Yield each resource; of several credentials to one, that with the least left."""
    found: dict[str, Resource] = {}
    for name, jobs, limit in ads:
        if not (isinstance(name, str) and isinstance(jobs, int) and isinstance(limit, int)):
            continue
        known = found.get(name)
        if known is None or limit - jobs < known.limit - known.jobs:
            found[name] = Resource(jobs, limit)
    yield from found.items()


class Capacities:
    """What all schedds said last; may be used by several threads, and asks nobody."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Target, tuple[float, Capacity]] = {}

    def note(self, target: Target, found: Capacity) -> None:
        """Note what a schedd says now."""
        with self._lock:
            self._known[target] = time.monotonic(), found

    def caps(self, target: Target, resource: str = "") -> tuple[Cap, ...]:
        """Return what holds for pilots of ours at a schedd; nothing where that is not known."""
        with self._lock:
            at, found = self._known.get(target, (float("-inf"), Capacity()))
        return tuple(found.caps(resource)) if time.monotonic() - at < FRESH else ()

    def of(self, target: Target) -> Capacity | None:
        """Return what a schedd says; None where that is not known."""
        with self._lock:
            at, found = self._known.get(target, (float("-inf"), Capacity()))
        return found if time.monotonic() - at < FRESH else None

    def resources(self) -> list[tuple[str, str, Resource]]:
        """Return each CE as gridmanagers see it: schedd, GridResource, what is there."""
        with self._lock:
            known = [(t, c) for t, (at, c) in self._known.items() if time.monotonic() - at < FRESH]
        return [(str(t), name, found) for t, c in known for name, found in c.resources.items()]

    def near(self) -> tuple[str, ...]:
        """Return which limits are almost reached, in words."""
        with self._lock:
            known = [(t, c) for t, (at, c) in self._known.items() if time.monotonic() - at < FRESH]
        return tuple(words for target, found in known for words in found.near(str(target)))

    def forget(self) -> None:
        """Forget all, for tests."""
        with self._lock:
            self._known.clear()


CAPACITIES = Capacities()
"""The one of this process: all factories in it send as one user."""
