"""`nordugridrsl.*`: what 2.4 told ARC CEs as xRSL, read for the words that still have a meaning.

xRSL has memory in MB per slot, and times in minutes or with a unit (`72 hours`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autopyfactory.plugins.batchsubmit.request import Request

_PIECE = re.compile(r"""\(\s*([A-Za-z_]+)\s*=\s*("[^"]*"|'[^']*'|[^()"']*)\s*\)""")
_WORDS = ("nordugridrsl", "nordugridrsladd")
_READ = {"count", "countpernode", "memory", "walltime", "cputime", "queue", "runtimeenvironment"}
_IGNORED = {"jobname"}  # the pilot's name is its id
_MINUTES = {"": 1.0, "second": 1 / 60, "minute": 1.0, "hour": 60.0, "day": 1440.0, "week": 10080.0}


@dataclass(frozen=True, slots=True)
class OldRequest:
    """What the old description asked for; None: it did not say."""

    cores: int | None = None
    memory_per_core: int | None = None
    wall_minutes: int | None = None
    queue: str | None = None
    runtime_environments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def over(self, request: Request) -> Request:
        """Return `request` with what it does not say filled in from here."""
        cores = request.cores if request.cores > 1 else self.cores or 1
        return replace(
            request,
            cores=cores,
            memory_mb=request.memory_mb or (self.memory_per_core or 0) * cores,
            wall_minutes=request.wall_minutes or self.wall_minutes or 0,
            queue=request.queue or self.queue,
        )


def translated(keys: Mapping[str, str]) -> OldRequest:
    """Return what the keys below `nordugridrsl.` ask for. Raises ValueError that names what cannot be."""
    environment = tuple((k.removeprefix("addenv."), v) for k, v in keys.items() if k.startswith("addenv."))
    found: dict[str, list[str]] = {}
    for key, value in _attributes(keys):
        found.setdefault(key.lower(), []).append(value)
    unknown = sorted(found.keys() - _READ - _IGNORED)
    if unknown:
        raise ValueError(
            f"nordugridrsl: {', '.join(unknown)} cannot be translated: remove it, and say it in "
            "batchsubmit.condorarc.condor_attributes.arc_resources in ARC's ADL if the site needs it"
        )
    one = {key: values[-1] for key, values in found.items()}
    cores = _number(one, "count") or _number(one, "countpernode")
    wall = _minutes(one, "walltime")
    cpu = _minutes(one, "cputime")
    return OldRequest(
        cores=cores,
        memory_per_core=_number(one, "memory"),
        wall_minutes=wall if wall is not None else cpu and -(-cpu // (cores or 1)),
        queue=one.get("queue"),
        runtime_environments=tuple(found.get("runtimeenvironment", ())),
        environment=environment,
    )


def _attributes(keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in keys.items():
        if key in _WORDS:
            yield from _pieces(key, value)
        elif not key.startswith("addenv.") and value.strip():
            yield key, _plain(value)


def _pieces(key: str, text: str) -> Iterator[tuple[str, str]]:
    if left := _PIECE.sub("", text).strip(" &\t"):
        raise ValueError(f"nordugridrsl.{key}: cannot be read from here: {left:.60}")
    for hit in _PIECE.finditer(text):
        yield hit.group(1), _plain(hit.group(2))


def _plain(text: str) -> str:
    return text.strip().strip("\"'").strip()


def _number(one: Mapping[str, str], key: str) -> int | None:
    text = one.get(key)
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise ValueError(f"nordugridrsl.{key}: not a whole number above 0: {text:.40}")
    return int(text)


def _minutes(one: Mapping[str, str], key: str) -> int | None:
    text = one.get(key)
    if text is None:
        return None
    hit = re.fullmatch(r"([0-9]{1,9})\s*([a-z]*?)s?", text.lower())
    if not hit or hit.group(2) not in _MINUTES:
        raise ValueError(f"nordugridrsl.{key}: not a time (minutes, or with a unit): {text:.40}")
    return max(1, round(int(hit.group(1)) * _MINUTES[hit.group(2)]))
