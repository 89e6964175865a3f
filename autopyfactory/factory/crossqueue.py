"""What a queue's rules must know of the other queues: the whole factory's pilots, those at the CE, shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autopyfactory.accounting import spelling
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.factory.shares import Recent, claim_of, factory_part, pilots_of_sharers, share_of
from autopyfactory.model import hostport
from autopyfactory.model.decision import OtherQueues
from autopyfactory.model.downtimes import NOTHING, Declared

if TYPE_CHECKING:
    from autopyfactory.cycle.queue import APFQueue


def declared_for(mine: APFQueue, of: Callable[[tuple[str, ...]], Declared]) -> Declared:
    """Return the downtimes that concern `mine`, as `of` tells them by names; none if its rules do not ask.

    Several CEs have downtimes of their own, unless the rules name what is down.
    """
    asked, ces = mine.parts.asked_downtimes, mine.parts.ces
    if not asked:
        return NOTHING
    named = tuple(name for names in asked for name in names)
    if named or len(ces) == 1:
        return of(named or tuple(filter(None, (_host(ces[0]),))))
    found = {spelling.ce(ce): of(tuple(filter(None, (_host(ce),)))) for ce in ces}
    outages = [replace(outage, ce=ce) for ce, its in found.items() for outage in its.outages]
    whole = next(iter(found.values()))  # all go by the same sources
    return replace(whole, outages=tuple(sorted(outages, key=lambda o: (o.start, o.end))), ces=tuple(found))


def _host(ce: str) -> str:
    try:
        return hostport.parse(ce).host
    except ValueError:  # a batch system of this host, or processes: nobody declares their downtimes
        return ""


def other_queues(
    mine: APFQueue,
    queues: Mapping[str, APFQueue],
    book: Bookkeeper,
    recent: Recent,
    declared: Declared = NOTHING,
) -> OtherQueues:
    """Return what `mine` has to know of the others of `queues`; only what its rules need is looked up.

    declared: the downtimes that concern it.
    """
    parts = mine.parts
    active = book.active() if "factory" in parts.needs else None
    at_ce = _at_ces(parts.ces, book) if "ce" in parts.cap_scopes else {}
    if claim_of(mine, recent) is None:  # all of its demand is its own
        return OtherQueues(active, at_ce, declared=declared)
    sharing = pilots_of_sharers(mine, queues, recent)
    return OtherQueues(
        factory_active=active,
        scope_active=at_ce,
        declared=declared,
        share=share_of(mine, queues, recent),
        factory=factory_part(mine, recent),
        sharing_pending=sum(batch.pending for batch in sharing),
        sharing_running=sum(batch.running for batch in sharing),
    )


def _at_ces(ces: Sequence[str], book: Bookkeeper) -> Mapping[str, int]:
    """Return the pilots at a queue's CE, by the cap scope that means it; of several CEs at each."""
    found: dict[str, int | None] = {
        "ce" if len(ces) == 1 else f"ce:{spelling.ce(ce)}": book.active("ce", ce) for ce in ces
    }
    known = {scope: n for scope, n in found.items() if n is not None}
    return known if len(known) == len(ces) else {}  # what is not known of one of them is not zero
