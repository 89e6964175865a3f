"""Counts the pilots that `batchsubmitplugin = Exec` started on this machine."""

from __future__ import annotations

from collections import Counter

from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.options.polled import PolledOptions, maxage_option, sleep_option
from autopyfactory.plugins.base import BatchStatusPlugin, SourceError
from autopyfactory.plugins.processes import pilots


class ExecOptions(PolledOptions):
    """Options of the batch status plugin `Exec`."""

    prefixes = ("batchstatus.exec",)
    sleep: float = sleep_option(10, "Time between counts")
    maxage: float = maxage_option(60)


class Exec(BatchStatusPlugin[ExecOptions]):
    """Pilots as processes of this machine; they all run at once, none waits."""

    name = "Exec"
    Options = ExecOptions

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
