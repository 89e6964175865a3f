"""What a factory sees of one CE, or of one queue of the WMS, across its queues: for whoever runs the site.

Safe to show there: reasons are without what looks like a secret, and no person is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autopyfactory.accounting import spelling
from autopyfactory.api.live import known_state
from autopyfactory.api.rows import QueueRow
from autopyfactory.condor.capacity import CAPACITIES
from autopyfactory.control.server import CommandError
from autopyfactory.model.record import Fared, HeldGroup, Troubles
from autopyfactory.model.redact import hidden
from autopyfactory.model.serialize import to_full
from autopyfactory.model.text import count, printable
from autopyfactory.why.groups import kind_of_group

if TYPE_CHECKING:
    from autopyfactory.factory.factory import Factory

MOST = 10  # nodes and checks that are named
LONGEST = 500  # characters of a reason
SEVERAL = ", "  # between the CEs of one queue


@dataclass(frozen=True, slots=True)
class Stuck:
    """Pilots of one queue that are held, or were given up, for one reason."""

    queue: str
    code: str  # kind of the reason, see `why`
    words: str
    who: str  # has to act
    pilots: int
    since: datetime | None
    reason: str
    example: str  # a pilot


@dataclass(frozen=True, slots=True)
class SiteState:
    """What is known now of one place, beside the rows of its queues."""

    held: tuple[Stuck, ...] = ()
    lost: tuple[Stuck, ...] = ()
    down_since: datetime | None = None  # the CE has not answered the schedd; None: it does
    waiting: int = 0  # pilots that wait for it to answer
    ended: int = 0  # in the last hour, of queues where some failed, were empty or short
    failed: int = 0
    empty: int = 0
    wasted_hours: float = 0.0
    failures: Mapping[str, int] = field(default_factory=dict)  # by class
    checks: Mapping[str, int] = field(default_factory=dict)  # that found nodes unfit
    hosts: Mapping[str, int] = field(default_factory=dict)  # failures by node
    breakers: tuple[str, ...] = ()  # why nothing but probes is sent there
    limits: tuple[str, ...] = ()  # what schedds let through to it


def site(factory: Factory, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer `site`: the state of one place, by `ce` or `wmsqueue`. From memory alone."""
    ce, wms = arguments.get("ce"), arguments.get("wmsqueue")
    if not isinstance(ce or wms, str):
        raise CommandError("ce or wmsqueue is missing")
    queues = [
        q for q in dict(factory.queues).values()
        if (ce and sends_to(q.parts.ce, ce)) or (wms and q.config.options.wmsqueue == wms)
    ]  # fmt: skip
    states = {q.name: known_state(factory, q.name) for q in queues}
    made = state({name: s.troubles for name, s in states.items() if s.troubles})
    there = {spelling.ce(one) for one in ce.split(SEVERAL)} if ce else None
    gates = [gate for q in queues for gate in q.gates if there is None or gate.address.ce in there]
    keys = {key for gate in gates for key in gate.address.keys}
    open_ones = [
        f"{key.words}, since {datetime.fromtimestamp(b.opened, UTC):%Y-%m-%d %H:%MZ}: {b.verdict.words}"
        for key, b in factory.breakers.known().items()
        if b.opened is not None and b.open and key in keys
    ]
    made = replace(made, breakers=tuple(map(_safe, open_ones)), limits=tuple(_limits(ce)) if ce else ())
    plain: dict[str, Any] = to_full(made)
    return plain


def sends_to(ces: str, ce: str) -> bool:
    """Whether a queue with these CEs, in words, sends to `ce`: one of them, or just these."""
    return ce == ces or ce in ces.split(SEVERAL)


def state(troubles: Mapping[str, Troubles]) -> SiteState:
    """Return what the troubles of queues (by name) say together. Pure."""
    fared = [t.fared for t in troubles.values() if t.fared]
    down = [t.ce_down_since for t in troubles.values() if t.ce_down_since]
    return SiteState(
        held=_stuck((q, g) for q, t in troubles.items() for g in t.held),
        lost=_stuck((q, g) for q, t in troubles.items() for g in t.lost),
        down_since=min(down, default=None),
        waiting=sum(t.ce_down for t in troubles.values()),
        ended=sum(f.ended for f in fared),
        failed=sum(f.failed for f in fared),
        empty=sum(f.empty for f in fared),
        wasted_hours=round(sum(f.wasted_hours for f in fared), 2),
        failures=_sum(fared, "failures"),
        checks=_sum(fared, "checks"),
        hosts=_sum(fared, "hosts"),
    )


def _stuck(groups: Iterable[tuple[str, HeldGroup]]) -> tuple[Stuck, ...]:
    found = []
    for queue, g in groups:
        kind = kind_of_group(g)
        found.append(
            Stuck(queue, kind.code, kind.words, kind.who, g.count, g.since, _safe(g.reason), g.example)
        )
    return tuple(sorted(found, key=lambda s: (-s.pilots, s.queue)))


def _sum(fared: Iterable[Fared], name: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for f in fared:
        total.update(getattr(f, name))
    return dict(total.most_common(MOST))


def _limits(ce: str) -> Iterable[str]:
    for schedd, resource, found in CAPACITIES.resources():
        if not set(ce.split(SEVERAL)).isdisjoint(resource.split()):
            there = count(found.jobs, "pilot")
            yield f"the schedd {schedd} has {there} there and lets {found.limit} through at once"


def _safe(text: str) -> str:
    return hidden(printable(text, LONGEST))


def safe_row(row: QueueRow) -> QueueRow:
    """Return a row without the names of people and without what looks like a secret."""
    known = tuple(replace(c, words=_safe(c.words), example=_safe(c.example), next="") for c in row.problems)
    row = replace(row, sentence=_safe(row.sentence), reason=_safe(row.reason), problems=known)
    row = replace(row, acknowledged={}, errors={kind: _safe(text) for kind, text in row.errors.items()})
    if row.trouble:
        row = replace(row, trouble=_safe(row.trouble))
    if row.pause:
        words = f"{row.state} by the operators of the factory"
        row = replace(row, pause=words, sentence=words, reason=words)
    return row


def ticket(title: str, factory: str, at: datetime, rows: Sequence[QueueRow], seen: SiteState | None) -> str:
    """Return text that can be pasted into a ticket. `rows` as `safe_row` gives them. Pure."""
    lines = [f"{title}, as the pilot factory {factory} sees it at {at:%Y-%m-%d %H:%M} UTC:", ""]
    total = {name: sum(getattr(r, name) or 0 for r in rows) for name in ("running", "pending", "held")}
    lines.append("Pilots: {running} running, {pending} pending, {held} held.".format(**total))
    lines += _ticket_lines(seen) if seen is not None else ()
    lines += ["", "By queue of the factory:"]
    lines += [f"- {r.queue}: {r.trouble or r.sentence or r.reason}" for r in rows[:20]]
    if len(rows) > 20:
        lines.append(f"- and {len(rows) - 20} more")
    return "\n".join(lines)


def _ticket_lines(seen: SiteState) -> Iterable[str]:
    if seen.down_since:
        when = f"{seen.down_since:%Y-%m-%d %H:%M} UTC"
        yield f"The CE has not answered since {when}; pilots that wait for it: {seen.waiting}."
    for what, groups in (("held", seen.held), ("lost", seen.lost)):
        for s in groups[:5]:
            since = f" since {s.since:%Y-%m-%d %H:%M} UTC" if s.since else ""
            yield f"{s.pilots} {what}{since}, for instance {s.example}: {s.words}: {s.reason}"
    if seen.failed or seen.empty:
        yield (
            f"Of {count(seen.ended, 'pilot')} that ended in the last hour {seen.failed} failed and "
            f"{seen.empty} found no work; that wasted {seen.wasted_hours:.1f} hours of slots."
        )
    for words, numbers in (("By node", seen.hosts), ("By check", seen.checks), ("By kind", seen.failures)):
        if numbers:
            yield f"{words}: {', '.join(f'{name} {n}' for name, n in numbers.items())}."
    yield from (f"Stopped: {words}" for words in seen.breakers)


COMMANDS = {"site": site}
