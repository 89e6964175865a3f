"""Problems, told to people and to programs: sorted by place, repeated ones together."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from autopyfactory.config.model import Configuration
from autopyfactory.model.text import count, visible
from autopyfactory.options.problem import Problem, Where

OTHERS = 5  # places of a repeated problem that are listed

Paint = Callable[[str, str], str]
"""(text, severity) -> text, perhaps coloured."""


@dataclass(slots=True)
class Group:
    """The same problem in one or more places."""

    first: Problem
    others: list[Problem] = field(default_factory=list)


def grouped(problems: Iterable[Problem]) -> list[Group]:
    """Put problems that differ only in section and place together, sorted by the first place."""
    groups: dict[tuple[Any, ...], Group] = {}
    for p in sorted(dict.fromkeys(problems), key=_place):
        key = (p.severity, p.message, p.key, p.value, p.hint, p.allowed)
        if key in groups:
            groups[key].others.append(p)
        else:
            groups[key] = Group(p)
    return list(groups.values())


def _place(problem: Problem) -> tuple[str, int, str, str]:
    where = problem.where
    source, line = (where.source, where.line) if where else ("", 0)
    return source, line, problem.section or "", problem.key or ""


def render(problems: Iterable[Problem], paint: Paint = lambda text, _: text) -> str:
    """Return all problems as text, a paragraph each."""
    return "\n".join("\n".join(_lines(g, paint)) for g in grouped(problems))


def shown(place: Where | str) -> str:
    """Return a place as people write it who are in the same folder."""
    here = os.path.join(os.getcwd(), "")
    return str(place).removeprefix(here) if len(here) > 1 else str(place)


def _lines(group: Group, paint: Paint) -> Iterator[str]:
    p = group.first
    place = f"{shown(p.where)}: " if p.where else ""
    section = f"[{p.section}] " if p.section is not None else ""
    words = visible(f"{section}{_subject(p)}{p.message}")
    yield f"{visible(place)}{paint(p.severity, p.severity)}: {words}"
    if p.allowed:
        yield f"    allowed: {visible(p.allowed)}"
    if p.hint:
        yield f"    hint: {visible(p.hint)}"
    if group.others:
        yield f"    also in {visible(_also(group))}"


def _subject(p: Problem) -> str:
    if p.key is None:
        return f"{p.value!r}: " if p.value is not None else ""
    if p.value is None:
        return f"{p.key}: "
    value = " ".join(p.value.split())
    return f"{p.key} = {value if len(value) <= 60 else value[:57] + '...'}: "


def _also(group: Group) -> str:
    first, others = group.first.where, group.others
    words = [_another(p, first) for p in others[:OTHERS]]
    rest = len(others) - OTHERS
    return ", ".join(words) + (f" and {rest} more" if rest > 0 else "")


def _another(p: Problem, first: Where | None) -> str:
    place = shown(p.where) if p.where and p.where != first else ""
    if p.section is None:
        return place or "the whole"
    return f"[{p.section}] ({place})" if place else f"[{p.section}]"


def counts(problems: Sequence[Problem]) -> tuple[int, int]:
    """Return the number of errors and of warnings."""
    errors = sum(p.severity == "error" for p in problems)
    return errors, len(problems) - errors


def summary(problems: Sequence[Problem], configuration: Configuration | None) -> str:
    """Return the last line: how much is wrong, and what would run."""
    errors, warnings = counts(problems)
    words = f"{count(errors, 'error')}, {count(warnings, 'warning')}"
    if configuration is None:
        return words
    enabled = sum(q.options.enabled for q in configuration.queues.values())
    total = len(configuration.queues) + len(configuration.broken)
    words += f"; {count(total, 'queue')}, {enabled} enabled"
    if configuration.broken:
        names = sorted(configuration.broken)
        words += f", {len(names)} cannot run: {', '.join(names[:OTHERS])}"
        words += f" and {len(names) - OTHERS} more" if len(names) > OTHERS else ""
    return words


def as_data(problems: Sequence[Problem], configuration: Configuration | None) -> dict[str, Any]:
    """Return everything as plain data, for `--json`."""
    errors, warnings = counts(problems)
    data: dict[str, Any] = {"errors": errors, "warnings": warnings}
    if configuration is not None:
        enabled = sorted(n for n, q in configuration.queues.items() if q.options.enabled)
        disabled = sorted(n for n, q in configuration.queues.items() if not q.options.enabled)
        broken = sorted(configuration.broken)
        data["queues"] = {"enabled": enabled, "disabled": disabled, "cannot_run": broken}
    data["problems"] = [p.as_dict() for p in sorted(dict.fromkeys(problems), key=_place)]
    return data
