"""What a running factory knows about one queue at this moment, for `why`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from autopyfactory.breakers.registry import FREE, of_all
from autopyfactory.credentials.pilotfiles import of_plugin
from autopyfactory.model.record import Troubles
from autopyfactory.why.model import LiveState
from autopyfactory.why.probe import probed
from autopyfactory.why.schedds import reporting_client, targets_of
from autopyfactory.why.troubles import both, troubles, with_endings

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration
    from autopyfactory.cycle.queue import APFQueue
    from autopyfactory.factory.factory import Factory

COLLECTIVE = {"ANY", "*"}  # under which WMS plugins count the jobs of all queues, or of any


def known_state(factory: Factory, name: str) -> LiveState:
    """Return what the factory knows now about queue `name`; nobody is asked and no file is read."""
    configuration = factory.configuration
    config, queue = configuration.queues.get(name), factory.queues.get(name)
    now = factory.clock.now()
    permit = of_all([gate.permit() for gate in queue.gates]) if queue else FREE
    choice = factory.profile_users.choice(name)
    others = _others(queue) if queue else ()
    return LiveState(
        now=now,
        running=True,
        configured=config is not None or name in configuration.broken,
        enabled=configuration.factory.enable_queues and config.options.enabled if config else None,
        problems=_problems(factory, name),
        period=config.options.sleep if config and queue else None,
        pause=factory.pauses.get(name, now),
        credential=(choice.words if choice else None) or factory.troubles.credential(name),
        profile=choice.profile if choice else None,
        troubles=factory.troubles.of(name),
        breaker=permit.words,
        breaker_scope=permit.scope or "",
        bad_nodes=permit.nodes,
        ce=queue.parts.ce if queue else "",
        target=queue.parts.target if queue else "",
        others=others,
        served=_served(factory, others),
        hangs=queue.hangs if queue else "",
    )


def live_state(factory: Factory, name: str, *, ask: float) -> LiveState:
    """Return what is known now about queue `name`; its schedd and CE get `ask` seconds to answer.

    With 0 they are not asked: what the watch over all queues saw last is told.
    """
    known = known_state(factory, name)
    queue = factory.queues.get(name)
    routes = queue.parts.routes if queue else ()
    files = dict.fromkeys(fault for route in routes for fault in of_plugin(route.submit, known.now))
    choice, told = factory.profile_users.choice(name), "; ".join(f.words for f in files if f.credential)
    return replace(
        known,
        credential=(choice.words if choice else None) or told or None,
        missing=tuple(f.words for f in files if not f.credential),
        troubles=asked_troubles(factory, name, ask) if ask > 0 else known.troubles,
    )


def _problems(factory: Factory, name: str) -> tuple[str, ...]:
    """Return what keeps the queue from running: errors in its configuration, or of its plugins."""
    failure = factory.failures.get(name)
    errors = tuple(p.brief for p in factory.configuration.broken.get(name, ()) if p.severity == "error")
    return (*errors, failure.text) if failure else errors


def _others(queue: APFQueue) -> tuple[str, ...]:
    """Return the WMS queues with jobs, when this queue has none at all: a misspelt name looks like that."""
    source = queue.parts.wms_source
    snapshot = source.state.snapshot if source else None
    if snapshot is None or queue.config.options.wmsqueue in (None, *snapshot.data.queues):
        return ()
    return tuple(sorted(snapshot.data.queues.keys() - COLLECTIVE))


def _served(factory: Factory, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of these WMS queues that a queue which runs serves."""
    ours = {q.config.options.wmsqueue for q in factory.queues.values()} if names else set()
    return tuple(name for name in names if name in ours)


def asked_troubles(factory: Factory, name: str, ask: float) -> Troubles | None:
    """Return what the queue's schedd says now, and what the factory knows of pilots that ended."""
    found = queue_troubles(factory.configuration, name, ask=ask)
    return None if found is None else factory.troubles.told(name, found)


def queue_troubles(
    configuration: Configuration, name: str, *, ask: float, endings: bool = False
) -> Troubles | None:
    """Return what the queue's schedds say about stuck pilots; None for a queue without a schedd.

    `endings`: and about those that have ended; a running factory knows them.
    """
    config = configuration.queues.get(name)
    found: Troubles | None = None
    for target in targets_of(config) if config else ():
        client, factory_id = reporting_client(target), configuration.factory.factory_id
        one = troubles(client, name, factory_id, ask)
        if endings and not one.error:
            one = with_endings(client, name, factory_id, ask, one)
        found = both(found, one)
    return None if found is None else probed(found, ask)
