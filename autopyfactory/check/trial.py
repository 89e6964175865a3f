"""A queue's plugins, made and asked without anything running: what they say shows what they would do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from autopyfactory.config.model import Configuration, PluginChoice, QueueConfig
from autopyfactory.model.decision import CycleInputs, Decision, RecentPilots, decide
from autopyfactory.model.info import BatchQueueInfo, SiteInfo, WMSQueueInfo
from autopyfactory.plugins.base import QueueContext, SchedPlugin, Shared

MANY = 1_000_000  # ready jobs in a trial: more than any sensible chain answers with pilots


@dataclass(slots=True)
class Trial:
    """The plugins of one queue. A plugin that cannot be made is in `refused`, with the reason."""

    queue: QueueConfig
    chain: list[Any] = field(default_factory=list)
    submit: Any = None
    batch: Any = None
    others: list[tuple[Any, Any]] = field(
        default_factory=list
    )  # of further CEs and schedds: as the two above
    refused: dict[str, str] = field(default_factory=dict)  # plugin as `sched Ready` -> reason

    @classmethod
    def of(cls, queue: QueueConfig, configuration: Configuration, shared: Shared | None = None) -> Trial:
        """Make the plugins of `queue`; constructors must not touch the outside world.

        shared: what they have in common, as the credentials; by default nothing is known of those.
        """
        context = QueueContext(
            queue.name,
            queue.options,
            configuration.factory,
            mappings=configuration.mappings,
            shared=shared or Shared(),
        )
        trial = cls(queue)
        trial.chain = [trial._make(choice, context) for choice in queue.sched]
        trial.submit = trial._make(queue.batchsubmit, context)
        if queue.wmsstatus is not None:
            trial._make(queue.wmsstatus, context)
        if queue.batchstatus is not None:
            trial.batch = trial._make(queue.batchstatus, context)
        for route in queue.others:
            batch = trial._make(route.batchstatus, context) if route.batchstatus else None
            trial.others.append((trial._make(route.batchsubmit, context), batch))
        return trial

    @property
    def ways(self) -> list[tuple[Any, Any]]:
        """Return submit and batch status plugin of every way of its pilots that could be made."""
        return [pair for pair in ((self.submit, self.batch), *self.others) if pair[0] is not None]

    def by_way(self) -> list[Trial]:
        """Return it once for each way of its pilots, as if that were the queue's only one."""
        made = [(self.submit, self.batch), *self.others]
        return [
            Trial(
                replace(self.queue, batchsubmit=route.batchsubmit, batchstatus=route.batchstatus, others=()),
                self.chain, submit, batch, refused=self.refused,
            )
            for route, (submit, batch) in zip(self.queue.routes, made, strict=True)
        ]  # fmt: skip

    @property
    def ces(self) -> tuple[str, ...]:
        """Return each CE that its pilots go to, as people write it."""
        return tuple(dict.fromkeys(submit.ce for submit, _ in self.ways))

    @property
    def rules(self) -> list[SchedPlugin[Any]]:
        """Return the rules of the chain that could be made."""
        return [rule for rule in self.chain if rule is not None]

    def _make(self, choice: PluginChoice, context: QueueContext) -> Any:
        try:
            return choice.cls(choice.options, context)
        except Exception as err:  # noqa: BLE001 - constructors of third parties may raise anything
            self.refused[f"{choice.kind} {choice.name}"] = str(err) or type(err).__name__
            return None

    def describe(self) -> Mapping[str, str] | str:
        """Return the submit description of a pilot, or why there is none."""
        try:
            description: Mapping[str, str] = self.submit.describe("check")
            return description
        except Exception as err:  # noqa: BLE001 - as above
            return str(err) or type(err).__name__

    def decide(
        self, *, ready: int, pending: int = 0, running: int = 0, status: str = "online"
    ) -> Decision | None:
        """Run the chain on invented inputs; None if that is not possible."""
        if any(rule is None for rule in self.chain):
            return None
        inputs = CycleInputs(
            queue=self.queue.name,
            wms=WMSQueueInfo(ready=ready),
            batch=BatchQueueInfo(pending=pending, waiting=pending, running=running),
            site=SiteInfo(status=status),
            history=RecentPilots(),
            factory_active=pending + running,
            now=datetime.now(UTC),
            cores=self.queue.options.cores,
            memory_mb=self.queue.options.memory_mb,
        )
        try:
            return decide(self.chain, inputs)
        except Exception:  # noqa: BLE001 - a third party's rule that fails here tells us nothing
            return None
