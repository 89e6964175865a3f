"""From a queue's configuration to the plugins that it is made of."""

from __future__ import annotations

from typing import Any

from autopyfactory.config.model import Configuration, PluginChoice, QueueConfig
from autopyfactory.cycle.components import Parts, Route
from autopyfactory.plugins.base import QueueContext, Shared
from autopyfactory.plugins.places import uncounted
from autopyfactory.sources.pool import SourcePool


def assemble(
    queue: QueueConfig,
    configuration: Configuration,
    sources: SourcePool,
    monitor_url: str | None,
    shared: Shared,
    *,
    holder: str,
) -> Parts:
    """Return the parts of `queue`, its sources running and held by `holder`.

    Raises whatever a plugin's constructor raises, and ValueError where pilots would be sent to one place and
    counted in another; the caller then releases what `holder` holds.
    """
    context = QueueContext(
        queue=queue.name,
        queue_options=queue.options,
        factory=configuration.factory,
        monitor_url=monitor_url,
        mappings=configuration.mappings,
        shared=shared,
    )

    def make(choice: PluginChoice) -> Any:
        return choice.cls(choice.options, context)

    chain = [make(choice) for choice in queue.sched]
    made = [(make(r.batchsubmit), make(r.batchstatus) if r.batchstatus else None, r) for r in queue.routes]
    wms = make(queue.wmsstatus) if queue.wmsstatus else None
    for submit, batch, _ in made:
        if why := uncounted(submit, batch):
            raise ValueError(why)
    history = any("history" in rule.needs | rule.uses for rule in chain)
    # Everything is made before a first thread starts for it.
    routes = [
        Route(submit, batch, sources.acquire(batch, holder) if batch else None, route.weight)
        for submit, batch, route in made
    ]
    first = routes[0]
    return Parts(
        chain=chain,
        submit=first.submit,
        wms=wms,
        wms_source=sources.acquire(wms, holder) if wms else None,
        batch=first.batch,
        batch_source=first.batch_source,
        history=history and first.batch is not None and first.batch.tells_endings,
        weight=first.weight,
        others=tuple(routes[1:]),
    )
