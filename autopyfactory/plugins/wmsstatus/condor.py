"""Work that waits in an HTCondor pool: users' jobs, counted by the attribute that names their WMS queue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.registry import client
from autopyfactory.config.options import Options, option
from autopyfactory.info import SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.mappings import CONDOR_WMS
from autopyfactory.mappings import Mapping as StatusMapping
from autopyfactory.plugins.base import QueueContext, SourceError, WMSStatusPlugin
from autopyfactory.plugins.schedd import make_target

ANY = "ANY"  # as queueskey or wmsqueue: all jobs of the pool, whatever they ask for
OURS = "ApfFactory"  # only pilots carry it: they are not work


class CondorOptions(Options):
    """Options of the WMS status plugin `Condor`."""

    queueskey: str = option(
        "MATCH_APF_QUEUE",
        key="wmsstatus.condor.queueskey",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Job attribute that names the WMS queue; ANY counts every job under the WMS queue ANY",
    )
    schedd: str | None = option(
        None,
        key="wmsstatus.condor.schedd",
        legacy=("wmsstatus.condor.scheddhost",),
        description="Name of the schedd where users' jobs wait; unset: the local one",
    )
    schedd_port: int | None = option(
        None, key="wmsstatus.condor.scheddport", description="Accepted; a schedd is found by its name", ge=1
    )
    collector: str | None = option(
        None,
        key="wmsstatus.condor.collector",
        legacy=("wmsstatus.condor.collectorhost",),
        description="Collector that knows the schedd, as host or host:port; unset: the configured one",
    )
    collector_port: int | None = option(
        None, key="wmsstatus.condor.collectorport", ge=1, le=65535, description="Port of that collector"
    )
    queryargs: str | None = option(
        None,
        key="wmsstatus.condor.queryargs",
        description="The same in the words of condor_q: -name SCHEDD -pool COLLECTOR",
    )
    token_directory: str | None = option(
        None,
        key="wmsstatus.condor.tokendir",
        description="Folder with the tokens that authenticate the factory to this pool",
    )
    constraint: str | None = option(
        None,
        key="wmsstatus.condor.constraint",
        description="Only jobs for which this ClassAd expression is true count as work; its attributes "
        "should have few distinct values",
    )
    sleep: float = option(
        60,
        key="wmsstatus.condor.sleep",
        scope="factory",
        unit="s",
        gt=0,
        description="Time between counts",
    )
    maxage: float = option(
        360,
        key="wmsstatus.condor.maxage",
        scope="factory",
        unit="s",
        gt=0,
        description="Counts older than this cause no submission",
    )
    timeout: float = option(
        20,
        key="wmsstatus.condor.timeout",
        scope="factory",
        unit="s",
        gt=0,
        description="A schedd that takes longer to answer counts as not answering",
    )


class Condor(WMSStatusPlugin[CondorOptions]):
    """An HTCondor pool as the WMS."""

    name = "Condor"
    Options = CondorOptions

    def __init__(self, options: CondorOptions, context: QueueContext):
        super().__init__(options, context)
        o = options
        self._target = make_target(o.schedd, o.collector, o.collector_port, o.queryargs, o.token_directory)
        self._mapping = StatusMapping.load(CONDOR_WMS, context.mappings)

    def source_key(self) -> Hashable:
        """Return the schedd and what is asked of it."""
        return (self._target, self.options.queueskey, self.options.constraint)

    @property
    def interval(self) -> float:
        """Seconds between two counts."""
        return self.options.sleep

    @property
    def maxage(self) -> float:
        """Seconds after which counts may no longer cause a submission."""
        return self.options.maxage

    @property
    def label(self) -> str:
        """Return the schedd as people write it."""
        return f"users' schedd {self._target}"

    def fetch(self) -> WMSStatus:
        """Count users' jobs per WMS queue. Raises SourceError."""
        key = [] if self.options.queueskey == ANY else [self.options.queueskey]
        try:
            rows = client(self._target).counts(
                [*key, "JobStatus", OURS],
                self.options.constraint or "true",
                deadline=self.options.timeout,
                probe=True,
            )
        except CondorError as err:
            raise SourceError(str(err)) from err
        return summarize(rows, self.options.queueskey, self._mapping)

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return this queue's work: a complete answer without such jobs means that there are none."""
        return status.queues.get(self.context.queue_options.wmsqueue or ANY, WMSQueueInfo())

    def site_info(self, status: WMSStatus) -> SiteInfo | None:
        """Return a site that is always `ok`: a pool knows no site status."""
        return SiteInfo(status="ok")


def summarize(rows: Iterable[Mapping[str, Any]], key: str, mapping: StatusMapping) -> WMSStatus:
    """Turn counts (one row per `key`, JobStatus and ApfFactory) into work per WMS queue and in all."""
    by_queue: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        if row[OURS] is not None:
            continue
        status, count = str(row["JobStatus"]), int(row["JobCount"])
        by_queue[ANY][status] += count
        name = row.get(key)
        if name is not None and key != ANY:
            by_queue[str(name)][status] += count
    return WMSStatus({name: mapping.wms(statuses) for name, statuses in by_queue.items()})
