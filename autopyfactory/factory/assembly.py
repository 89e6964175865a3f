"""From a queue's configuration to the plugins that it is made of."""

from __future__ import annotations

from typing import Any

from autopyfactory.config.model import Configuration, PluginChoice, QueueConfig
from autopyfactory.cycle.components import Parts
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
    submit = make(queue.batchsubmit)
    wms = make(queue.wmsstatus) if queue.wmsstatus else None
    batch = make(queue.batchstatus) if queue.batchstatus else None
    if why := uncounted(submit, batch):
        raise ValueError(why)
    history = any("history" in rule.needs | rule.uses for rule in chain)
    # Everything is made before a first thread starts for it.
    return Parts(
        chain=chain,
        submit=submit,
        wms=wms,
        wms_source=sources.acquire(wms, holder) if wms else None,
        batch=batch,
        batch_source=sources.acquire(batch, holder) if batch else None,
        history=history and batch is not None and batch.tells_endings,
    )
