"""A difference between configurations, told to people: what a reload would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from autopyfactory.config.diff import Changes, Diff
from autopyfactory.model.text import count

LIMIT = 20  # names of one kind that are listed before the rest is only counted


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change means for one queue now. None: not known."""

    pending: int | None = None  # its pilots
    running: int | None = None
    would_send: int | None = None  # in its next cycle, with the new configuration
    reason: str = ""  # why so many, in plain words


def render(diff: Diff, effects: Mapping[str, Effect] | None = None, *, everything: bool = False) -> str:
    """Return `diff` as text; `effects` adds pilots and predictions, `everything` lists all names."""
    limit = 10**9 if everything else LIMIT
    lines = [*_summary(diff), *_queues(diff, effects or {}, limit), *_rest(diff)]
    return "\n".join(lines) + "\n"


def as_data(diff: Diff, effects: Mapping[str, Effect] | None = None) -> dict[str, Any]:
    """Return the same as plain data, for `--json`: all of it, however many queues there are."""
    return {
        "added": list(diff.added),
        "removed": list(diff.removed),
        "changed": {name: _pairs(changes) for name, changes in diff.changed.items()},
        "unchanged": len(diff.equal),
        "cannot_run": {
            name: [str(p) for p in its if p.severity == "error"] for name, its in diff.broken.items()
        },
        "starts": sorted(diff.starts),
        "stops": sorted(diff.stops),
        "restarts": sorted(diff.restarts),
        "factory": _pairs(diff.factory),
        "monitors": {name: _pairs(changes) for name, changes in diff.monitors.items()},
        "credentials": {name: _pairs(changes) for name, changes in diff.auth.items()},
        "mappings": list(diff.mappings),
        "effects": {name: asdict(effect) for name, effect in (effects or {}).items()},
    }


def _pairs(changes: Changes) -> dict[str, list[str | None]]:
    return {key: [old, new] for key, (old, new) in changes.items()}


def _summary(diff: Diff) -> Iterator[str]:
    if diff.empty and not diff.broken:
        yield f"No change ({count(len(diff.equal), 'queue')})."
        return
    counts = {
        "added": len(diff.added),
        "removed": len(diff.removed),
        "changed": len(diff.changed),
        "cannot run": len(diff.broken),
        "unchanged": len(diff.equal),
    }
    yield "Queues: " + ", ".join(f"{n} {what}" for what, n in counts.items() if n or what == "unchanged")
    threads = {"start": len(diff.starts), "stop": len(diff.stops), "restart": len(diff.restarts)}
    yield "Threads: " + (", ".join(f"{n} {what}" for what, n in threads.items() if n) or "none touched")


def _queues(diff: Diff, effects: Mapping[str, Effect], limit: int) -> Iterator[str]:
    for sign, word, names in (("+", "added", diff.added), ("-", "removed", diff.removed)):
        for name in names[:limit]:
            note = "" if word == "removed" or name in diff.starts else "  (not enabled)"
            yield f"{sign} {name}{note}"
            yield from _effect(effects.get(name), removed=word == "removed")
        yield from _more(names, limit, word)
    for name in tuple(diff.changed)[:limit]:
        yield f"~ {name}{_state(diff, name)}"
        yield from _change_lines(diff.changed[name])
        yield from _effect(effects.get(name), removed=name in diff.stops)
    yield from _more(tuple(diff.changed), limit, "changed")
    for name in tuple(diff.broken)[:limit]:
        yield f"! {name}  cannot run:"
        yield from (f"    {p}" for p in diff.broken[name] if p.severity == "error")
    yield from _more(tuple(diff.broken), limit, "that cannot run")


def _state(diff: Diff, name: str) -> str:
    if name in diff.starts:
        return "  (starts)"
    return "  (stops)" if name in diff.stops else ""


def _more(names: tuple[str, ...], limit: int, word: str) -> Iterator[str]:
    if len(names) > limit:
        yield f"  ... and {len(names) - limit} more {word}"


def _change_lines(changes: Changes) -> Iterator[str]:
    for key, (old, new) in changes.items():
        yield f"    {key}: {_shown(old)} -> {_shown(new)}"


def _shown(value: str | None) -> str:
    return "not set" if value is None else (value or '""')


def _effect(effect: Effect | None, removed: bool) -> Iterator[str]:
    if effect is None:
        return
    if effect.pending is not None or effect.running is not None:
        drain = "; they are left to drain" if removed and (effect.pending or effect.running) else ""
        yield f"    pilots now: {effect.pending or 0} pending, {effect.running or 0} running{drain}"
    if effect.would_send is not None and not removed:
        yield f"    next cycle would send {effect.would_send}" + (
            f": {effect.reason}" if effect.reason else ""
        )
    elif effect.reason and not removed:
        yield f"    next cycle: {effect.reason}"


def _rest(diff: Diff) -> Iterator[str]:
    if diff.factory:
        yield "~ [Factory]"
        yield from _change_lines(diff.factory)
    for word, sections in (("monitor", diff.monitors), ("credential", diff.auth)):
        for name, changes in sections.items():
            yield f"~ {word} {name}"
            # of a section that comes or goes, what it leaves open is no change
            yield from _change_lines({key: pair for key, pair in changes.items() if pair != (None, None)})
    for name in diff.mappings:
        yield f"~ mapping {name}"
