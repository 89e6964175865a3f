"""Counts the pilots that `batchsubmitplugin = Exec` started on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable

from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.options.declare import Options, option
from autopyfactory.plugins.base import BatchStatusPlugin, SourceError
from autopyfactory.plugins.processes import pilots


class ExecOptions(Options):
    """Options of the batch status plugin `Exec`."""

    sleep: float = option(
        10, key="batchstatus.exec.sleep", scope="factory", unit="s", gt=0, description="Time between counts"
    )
    maxage: float = option(
        60,
        key="batchstatus.exec.maxage",
        scope="factory",
        unit="s",
        gt=0,
        description="Counts older than this cause no submission",
    )


class Exec(BatchStatusPlugin[ExecOptions]):
    """Pilots as processes of this machine; they all run at once, none waits."""

    name = "Exec"
    Options = ExecOptions

    def source_key(self) -> Hashable:
        """Return the factory whose pilots are counted."""
        return self.context.factory.factory_id

    @property
    def interval(self) -> float:
        """Seconds between two counts."""
        return self.options.sleep

    @property
    def maxage(self) -> float:
        """Seconds after which counts may no longer cause a submission."""
        return self.options.maxage

    @property
    def target(self) -> str:
        """Return this machine as the submit plugin says it."""
        return "local processes"

    @property
    def label(self) -> str:
        """Return what is counted."""
        return "processes of this machine"

    def fetch(self) -> BatchStatus:
        """Count the running pilots of this factory per queue. Raises SourceError without a process table."""
        try:
            mine = [p for p in pilots() if p.factory == self.context.factory.factory_id]
        except OSError as err:
            raise SourceError(f"no process table: {err}") from err
        counts = Counter(p.queue for p in mine)
        return BatchStatus({queue: BatchQueueInfo(running=n) for queue, n in counts.items()})
