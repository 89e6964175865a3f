"""What 2.4's `Agis` was told: parallel lists in `[Factory]`, the i-th items of all making one selection."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from autopyfactory.options.problem import Problem
from autopyfactory.options.section import Section

PREFIX = "config.queues.agis."
LISTS = {
    "vos": "vo",
    "clouds": "cloud",
    "activities": "type",
    "pilotmanager": "pilot_manager",
    "pilotmanagers": "pilot_manager",
    "defaultsfiles": "defaultsfile",
    "defaultsfile": "defaultsfile",  # as 2.4's own example misspells it
}


def selections(factory: Section) -> tuple[dict[str, Section], list[Problem]]:
    """Return the selections that the lists make, as sections `[CRIC agis-1]`, ...; none without lists."""
    columns: dict[str, list[str]] = {}
    for old, new in LISTS.items():
        text = factory.text(PREFIX + old) if PREFIX + old in factory.values else None
        if text and new not in columns:
            columns[new] = [part.strip() for part in text.split(",")]
    if not columns:
        return {}, []
    longest = max(len(c) for c in columns.values())
    problems = [
        Problem(
            "error",
            f"{len(column)} items, but another of these lists has {longest}: the i-th items belong together",
            factory.where,
            factory.name,
            PREFIX
            + next(old for old, new in LISTS.items() if new == name and PREFIX + old in factory.values),
            hint="sections [CRIC <name>] say the same more clearly",
        )
        for name, column in columns.items()
        if len(column) != longest
    ]
    if problems:
        return {}, problems
    shared = _shared(factory)
    found = {}
    for number, row in enumerate(zip_longest(*columns.values()), 1):
        texts = {k: v for k, v in zip(columns, row, strict=True) if v and v.lower() != "none"}
        name = f"CRIC agis-{number}"
        found[name] = Section.from_texts(name, {**texts, **shared}, factory.where)
    return found, []


def _shared(factory: Section) -> Mapping[str, str]:
    keys = {"jobsperpilot": "jobsperpilot", "numfactories": "numfactories"}
    texts = {new: factory.text(PREFIX + old) for old, new in keys.items() if PREFIX + old in factory.values}
    return {k: v for k, v in _whole(texts).items() if v}


def _whole(texts: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return the same with a whole number of factories: 2.4 took `4.0`, and 2.5 too, to divide by it."""
    try:
        factories = float(texts.get("numfactories") or 1)
        if factories == int(factories):
            return {**texts, "numfactories": str(int(factories))}
        jobs = float(texts.get("jobsperpilot") or 1) * factories
    except (ValueError, OverflowError):  # it is told where they are bound
        return dict(texts)
    return {"jobsperpilot": repr(jobs)}
