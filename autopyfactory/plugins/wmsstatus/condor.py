"""Work that waits in an HTCondor pool: users' jobs, counted by the attribute that names their WMS queue."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autopyfactory.condor.errors import Busy, CondorError, Overrun
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.registry import client
from autopyfactory.config.jobstates import CONDOR_WMS
from autopyfactory.config.jobstates import Mapping as StatusMapping
from autopyfactory.model.info import SiteInfo, WMSQueueInfo, WMSStatus
from autopyfactory.model.text import printable, some
from autopyfactory.options.declare import option
from autopyfactory.options.polled import PolledOptions, sleep_option, timeout_option
from autopyfactory.plugins.base import QueueContext, SourceError, WMSStatusPlugin
from autopyfactory.plugins.schedd import SILENT, ScheddOptions
from autopyfactory.plugins.wmsstatus.span import SpanOption
from autopyfactory.why.schedds import reporting_client

ANY = "ANY"  # as queueskey or wmsqueue: all jobs of the pool, whatever they ask for
NEEDS = ("RequestCpus", "RequestMemory")
SAMPLE = 50  # jobs that are looked at one by one when pilots find no work
MOST_TOLD, LONGEST = 3, 200  # what is told of them, and characters of their conditions
OURS = "ApfFactory"  # only pilots carry it: they are not work


class CondorOptions(ScheddOptions, PolledOptions):
    """Options of the WMS status plugin `Condor`."""

    prefixes = ("wmsstatus.condor",)
    key_names = {"schedd": "wmsstatus.condor"}
    sleep: float = sleep_option(60, "Time between counts")
    timeout: float = timeout_option(20, SILENT)
    queueskey: str = option(
        "MATCH_APF_QUEUE",
        key="wmsstatus.condor.queueskey",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Job attribute that names the WMS queue; ANY counts every job under the WMS queue ANY",
    )
    schedd: str | None = option(
        None,
        key="{schedd}.schedd",
        question="schedd_target",
        legacy=("{schedd}.scheddhost",),
        description="Name of the schedd where users' jobs wait; unset: the local one",
    )
    constraint: str | None = option(
        None,
        key="wmsstatus.condor.constraint",
        description="Only jobs for which this ClassAd expression is true count as work",
    )
    cores: SpanOption = option(
        None,
        key="wmsstatus.condor.cores",
        question="by_needs",
        unit="cores",
        description="Only jobs that ask for so many cores are this queue's work: 8, 2-8 or 2-",
    )
    memory: SpanOption = option(
        None,
        key="wmsstatus.condor.memory",
        question="by_needs",
        unit="MB",
        description="Only jobs that ask for so much memory are this queue's work: 0-2000 or 4000-",
    )


class Condor(WMSStatusPlugin[CondorOptions]):
    """An HTCondor pool as the WMS."""

    name = "Condor"
    from_url = True
    Options = CondorOptions

    def __init__(self, options: CondorOptions, context: QueueContext):
        super().__init__(options, context)
        self.schedd_target = options.target()
        self._mapping = StatusMapping.load(CONDOR_WMS, context.mappings)
        # What jobs ask for has many values: it is only asked for when a queue cares.
        self.by_needs = options.cores is not None or options.memory is not None

    @property
    def label(self) -> str:
        """Return the schedd as people write it."""
        return f"users' schedd {self.schedd_target}"

    def fetch(self) -> WMSStatus:
        """Count users' jobs per WMS queue. Raises SourceError."""
        key = [] if self.options.queueskey == ANY else [self.options.queueskey]
        try:
            rows = client(self.schedd_target).counts(
                [*key, "JobStatus", OURS, *(NEEDS if self.by_needs else ())],
                self.options.constraint or "true",
                deadline=self.options.timeout,
                probe=True,
            )
        except CondorError as err:
            raise SourceError(str(err), hung=isinstance(err, Overrun | Busy)) from err
        return summarize(rows, self.options.queueskey, self._mapping)

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return this queue's work: a complete answer without such jobs means that there are none."""
        name = self.context.queue_options.wmsqueue or ANY
        if not self.by_needs:
            return status.queues.get(name, WMSQueueInfo())
        parts = status.axes.get(name, {})
        return sum((info for needs, info in parts.items() if self._fits(*needs)), WMSQueueInfo())

    def unserved(self, deadline: float) -> Sequence[str]:
        """Return what waiting jobs ask for beyond this queue's pilots, else the conditions of one."""
        o, name = self.options, self.context.queue_options.wmsqueue
        parts = [f"JobStatus == 1 && {OURS} is undefined", f"({o.constraint or 'true'})"]
        if o.queueskey != ANY and name not in (None, ANY):
            parts.append(f"{o.queueskey} == {constraint_string(name or '')}")
        wanted = ("ClusterId", "ProcId", *NEEDS, "Requirements")
        asked = reporting_client(self.schedd_target)
        try:
            jobs = asked.query(" && ".join(parts), wanted, limit=SAMPLE, deadline=deadline)
        except CondorError as err:
            raise SourceError(str(err)) from err
        finally:
            asked.rest()
        jobs = [j for j in jobs if not self.by_needs or self._fits(*_needs(j))]
        return beyond(jobs, self.context.queue_options.cores, self.context.queue_options.memory_mb)

    def _fits(self, cores: str, memory: str) -> bool:
        o = self.options
        return (o.cores is None or int(cores) in o.cores) and (o.memory is None or int(memory) in o.memory)

    def site_info(self, status: WMSStatus) -> SiteInfo | None:
        """Return a site that is always `ok`: a pool knows no site status."""
        return SiteInfo(status="ok")


def beyond(jobs: Sequence[Mapping[str, Any]], cores: int, memory_mb: int) -> list[str]:
    """Return which of `jobs` ask for more than pilots with `cores` and `memory_mb` (0: not known) have.

    When none does, the conditions of the first: whatever keeps them apart is in there, or in the pilots' own.
    """
    words: dict[str, list[str]] = {}
    for job in jobs:
        asks, has = (int(n) for n in _needs(job)), (cores, memory_mb)
        for n, most, unit in zip(asks, has, ("cores", "MB of memory"), strict=True):
            if most and n > most:
                words.setdefault(f"{n} {unit}, pilots have {most}", []).append(_id(job))
    if words:
        return [_asking(ids, text) for text, ids in words.items()][:MOST_TOLD]
    known = [j for j in jobs if isinstance(j["Requirements"], str)]
    return [f"job {_id(j)} requires {printable(j['Requirements'], LONGEST)}" for j in known[:1]]


def _asking(ids: Sequence[str], what: str) -> str:
    return f"job {ids[0]} asks for {what}" if len(ids) == 1 else f"jobs {some(ids, 1)} ask for {what}"


def _id(job: Mapping[str, Any]) -> str:
    return f"{job['ClusterId']}.{job['ProcId']}"


def _needs(job: Mapping[str, Any]) -> tuple[str, str]:
    return _number(job.get("RequestCpus"), 1), _number(job.get("RequestMemory"), 0)


def summarize(rows: Iterable[Mapping[str, Any]], key: str, mapping: StatusMapping) -> WMSStatus:
    """Turn counts (one row per `key`, JobStatus, ApfFactory, and needs) into work per WMS queue and in all.

    The axes are the cores and MB that jobs ask for; a job that does not say asks for 1 and 0.
    """
    by_queue: dict[str, Counter[str]] = defaultdict(Counter)
    by_needs: dict[str, dict[tuple[str, str], Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if row[OURS] is not None:
            continue
        status, count = str(row["JobStatus"]), int(row["JobCount"])
        needs = _needs(row)
        name = row.get(key)
        for queue in (ANY,) if name is None or key == ANY else (ANY, str(name)):
            by_queue[queue][status] += count
            by_needs[queue][needs][status] += count
    return WMSStatus(
        {name: mapping.wms(statuses) for name, statuses in by_queue.items()},
        axes={
            name: {needs: mapping.wms(statuses) for needs, statuses in parts.items()}
            for name, parts in by_needs.items()
        },
    )


def _number(value: Any, default: int) -> str:
    """Return what a job asks for; an expression is not worked out and counts as not said."""
    return str(int(value)) if isinstance(value, int | float) and value >= 0 else str(default)
