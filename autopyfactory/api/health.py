"""How the factory itself fares: its sources, schedds, reporters, submissions, caps, cycles, credentials."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from autopyfactory import __version__
from autopyfactory.api.credentials import rows as credential_rows
from autopyfactory.condor import registry
from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.condor.client import CondorClient
from autopyfactory.logs.counts import COUNTS
from autopyfactory.model.decision import Cap
from autopyfactory.model.serialize import to_full, to_plain
from autopyfactory.model.text import count
from autopyfactory.notify.cycletotals import BOUNDS as CYCLES
from autopyfactory.sources.source import BOUNDS

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory
    from autopyfactory.sources.source import StatusSource

LATE = 3.0  # periods without a cycle, from which on a queue's last decision is too old


def health(factory: Factory, arguments: dict[str, Any]) -> dict[str, Any]:
    """Answer `health`: what the factory knows of itself, and in `problems` why it cannot do its work.

    From memory alone: nobody is asked and nothing is waited for.
    """
    now = factory.clock.now()
    sources = [_source(factory, s) for s in factory.sources.all()]
    return {
        "factory": factory.configuration.factory.factory_id,
        "version": __version__,
        "python": platform.python_version(),
        "pid": os.getpid(),
        "at": to_plain(now),
        "started": to_plain(factory.started_at),
        "problems": [*_problems(factory, sources, now)],
        "sources": sources,
        "schedds": [_schedd(c) for c in registry.clients()],
        "room": [
            {"tree": what.removeprefix("the "), "bytes": room.bytes, "inodes": room.inodes}
            for what, room in factory.room.rooms.items()
        ],
        "log": dict(COUNTS.sums()),
        "reporters": [to_full(r.status()) for r in factory.reporting.reporters()],
        "mail": to_full(mailer.status()) if (mailer := factory.reporting.mailer) else None,
        "submissions": _submissions(factory),
        "caps": list(_caps(factory)),
        "cycles": {"bounds": CYCLES, **to_full(factory.reporting.cycle_totals.totals())},
        "hanging": {q: queue.hangs for q, queue in dict(factory.queues).items() if queue.hangs},
        "hangs": factory.hangs.total,
        "profiles": credential_rows(factory.credentials, factory.configuration, now),
        "breakers": [
            {"scope": key.scope, "breaker": key.words, "since": b.opened}
            for key, b in factory.breakers.known().items()
            if b.open
        ],
        "held": dict(factory.care.held.totals.held),
        "treated": [
            {"action": action, "kind": kind, "pilots": n}
            for (action, kind), n in sorted(dict(factory.care.held.totals.acted).items())
        ],
        "credentials": {q: w for q in dict(factory.queues) if (w := factory.troubles.credential(q))},
    }


def _schedd(client: CondorClient) -> dict[str, Any]:
    capacity = CAPACITIES.of(client.target)
    return {
        "schedd": str(client.target),
        "suspended": client.suspended,
        "jobs": capacity.ours + capacity.others if capacity else None,  # everybody's
        "limits": dict(capacity.limits) if capacity else {},
        **to_full(client.calls),
    }


def _source(factory: Factory, source: StatusSource[Any]) -> dict[str, Any]:
    state = source.state
    age = state.snapshot.age(factory.clock.monotonic()) if state.snapshot else None
    return {
        "source": source.label,
        "answered": to_plain(state.snapshot.taken_at) if state.snapshot else None,
        "age": to_plain(age),
        "maxage": source.maxage,
        "fresh": age is not None and age <= source.maxage,
        "error": state.trouble.text if state.trouble else None,
        "failing_since": to_plain(state.trouble.since) if state.trouble else None,
        "fetches": source.fetches,
        "failures": source.failures,
        "seconds": to_plain(source.seconds),
        "last_seconds": to_plain(source.last_seconds),
        "bounds": BOUNDS,
        "buckets": list(source.buckets),
    }


def _problems(factory: Factory, sources: list[dict[str, Any]], now: datetime) -> Iterator[str]:
    """Yield why the factory as a whole is not ready: what it must know is too old, or nothing moves."""
    yield from factory.neighbours.blocked()
    for s in sources:
        if not s["fresh"]:
            what = f"has no answer: {s['error']}" if s["error"] else "has not answered yet"
            yield f"{s['source']} {what}" if s["age"] is None else f"{s['source']} is {s['age']:.0f} s old"
    late = 0
    for queue in dict(factory.queues).values():
        last = queue.last
        late += last is not None and (now - last.started).total_seconds() > (
            LATE * queue.config.options.sleep + 60
        )
    if late:
        yield f"{count(late, 'queue')} had no cycle for more than {LATE:g} periods"


def _submissions(factory: Factory) -> dict[str, int | float | None]:
    standings = factory.book.standings()
    return {
        "unresolved": sum(s.submissions for s in standings),
        "pilots": sum(s.unresolved for s in standings),
        "missing": sum(s.balance.missing for s in standings),
        "foreign": sum(s.balance.foreign + s.balance.surplus for s in standings),
        "lost": sum(s.lost for s in standings),
        "oldest": max((s.unresolved_age for s in standings if s.unresolved_age is not None), default=None),
    }


def _caps(factory: Factory) -> Iterator[dict[str, Any]]:
    """Yield each scope that some queue limits, with its smallest limit and what is used of it."""
    limits: dict[str, Cap] = {}
    for queue in dict(factory.queues).values():
        for rule in queue.parts.chain:
            for cap in rule.caps():
                for ce in queue.parts.ces if cap.scope == "ce" else ("",):
                    one = replace(cap, scope=f"ce:{ce}") if ce else cap
                    if one.scope not in limits or one.maximum < limits[one.scope].maximum:
                        limits[one.scope] = one
    for scope, cap in sorted(limits.items()):
        yield {
            "scope": scope,
            "rule": cap.rule,
            "limit": cap.maximum,
            "used": factory.book.active(scope),
        }


COMMANDS = {"health": health}
