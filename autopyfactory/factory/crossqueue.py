"""What a queue's rules must know of the other queues: the whole factory's pilots, those at the CE, shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from autopyfactory.accounting import spelling
from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.factory.shares import Recent, factory_part, pilots_of_sharers, share_of
from autopyfactory.model import hostport
from autopyfactory.model.decision import OtherQueues

if TYPE_CHECKING:
    from autopyfactory.cycle.queue import APFQueue


def downtime_names(mine: APFQueue) -> tuple[str, ...] | None:
    """Return what the downtimes are called that concern `mine`; None: its rules do not ask."""
    asked = [names for rule in mine.parts.chain if (names := rule.asks_downtimes_of()) is not None]
    if not asked:
        return None
    named = tuple(name for names in asked for name in names)
    return named or tuple(filter(None, (_host(mine.parts.submit.ce),)))


def _host(ce: str) -> str:
    try:
        return hostport.parse(ce).host
    except ValueError:  # a batch system of this host, or processes: nobody declares their downtimes
        return ""


def other_queues(
    mine: APFQueue, queues: Mapping[str, APFQueue], book: Bookkeeper, recent: Recent
) -> OtherQueues:
    """Return what `mine` has to know of the others of `queues`; only what its rules need is looked up."""
    chain = mine.parts.chain
    needs_factory = any("factory" in rule.needs for rule in chain)
    needs_ce = any(cap.scope == "ce" for rule in chain for cap in rule.caps())
    ces = mine.parts.ces if needs_ce else ()
    at_ce = _at_ces(ces, book)
    sharing = pilots_of_sharers(mine, queues, recent)
    return OtherQueues(
        factory_active=book.active() if needs_factory else None,
        scope_active=at_ce,
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
