"""Counts the factory's pilots in one schedd, all queues in one question, added up by the schedd itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autopyfactory.condor.errors import Busy, CondorError, Overrun
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.registry import client
from autopyfactory.config.jobstates import CONDOR_BATCH
from autopyfactory.config.jobstates import Mapping as StatusMapping
from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.model.pilotevents import PilotEvents
from autopyfactory.options.polled import PolledOptions, sleep_option, timeout_option
from autopyfactory.plugins.base import BatchStatusPlugin, QueueContext, SourceError
from autopyfactory.plugins.batchstatus.condorhistory import CondorHistory
from autopyfactory.plugins.schedd import SILENT, ScheddOptions

GROUP_BY = ("MATCH_APF_QUEUE", "JobStatus", "GridJobStatus")
IDLE, HELD = 1, 5


class CondorOptions(ScheddOptions, PolledOptions):
    """Options of the batch status plugin `Condor`."""

    prefixes = ("batchstatus.condor",)
    sleep: float = sleep_option(60, "Time between counts")
    timeout: float = timeout_option(20, SILENT)


class Condor(BatchStatusPlugin[CondorOptions]):
    """Pilots in a schedd that carry this factory's name."""

    name = "Condor"
    from_url = True
    Options = CondorOptions

    def __init__(self, options: CondorOptions, context: QueueContext):
        super().__init__(options, context)
        self.schedd_target = options.target()
        self._mapping = StatusMapping.load(CONDOR_BATCH, context.mappings)

    @property
    def target(self) -> str:
        """Return the schedd as the submit plugins say it."""
        return str(self.schedd_target)

    @property
    def label(self) -> str:
        """Return the schedd as people write it."""
        return f"schedd {self.schedd_target}"

    def events(self) -> Callable[[], PilotEvents]:
        """Return what reads starts and endings from the schedd's queue and history."""
        o, factory = self.options, self.context.factory
        return CondorHistory(self.schedd_target, factory.factory_id, o.timeout).fetch

    def fetch(self) -> BatchStatus:
        """Count the factory's pilots per queue. Raises SourceError."""
        mine = f"ApfFactory == {constraint_string(self.context.factory.factory_id)}"
        try:
            rows = client(self.schedd_target).counts(
                GROUP_BY, mine, deadline=self.options.timeout, probe=True
            )
        except CondorError as err:
            raise SourceError(str(err), hung=isinstance(err, Overrun | Busy)) from err
        return summarize(rows, self._mapping)


def summarize(rows: Iterable[Mapping[str, Any]], mapping: StatusMapping) -> BatchStatus:
    """Turn grouped counts (one row per queue, JobStatus and GridJobStatus) into counts per queue.

    A grid job without GridJobStatus has not reached its CE yet. Jobs without a queue name are left out:
    they are not ours to decide about.
    """
    queues: dict[str, dict[str, int]] = {}
    attributes: dict[Any, str] = {}  # by JobStatus: there are few, and thousands of rows
    for row in rows:
        name, status, count = row["MATCH_APF_QUEUE"], row["JobStatus"], int(row["JobCount"])
        if name is None:
            continue
        attribute = attributes.get(status) or attributes.setdefault(status, mapping.attribute(status))
        counts = queues.setdefault(name, {})
        counts[attribute] = counts.get(attribute, 0) + count
        if attribute == "pending":
            part = "held" if status == HELD else "unsubmitted" if row["GridJobStatus"] is None else "waiting"
            counts[part] = counts.get(part, 0) + count
    return BatchStatus({name: BatchQueueInfo(**counts) for name, counts in queues.items()})
