"""Counts the factory's pilots in one schedd, all queues in one question, added up by the schedd itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from autopyfactory.accounting.lately import WINDOW
from autopyfactory.accounting.requests import Endings, Searched, Surveyed, TagCount, TagFound
from autopyfactory.condor.endings import ENDED, ending_of, start_of
from autopyfactory.condor.errors import Busy, CondorError, Overrun
from autopyfactory.condor.jobstatus import actual
from autopyfactory.condor.quoting import constraint_string
from autopyfactory.condor.registry import client
from autopyfactory.config.jobstates import CONDOR_BATCH
from autopyfactory.config.jobstates import Mapping as StatusMapping
from autopyfactory.model.ending import CE
from autopyfactory.model.info import BatchQueueInfo, BatchStatus
from autopyfactory.options.polled import PolledOptions, sleep_option, timeout_option
from autopyfactory.plugins.base import BatchStatusPlugin, QueueContext, SourceError
from autopyfactory.plugins.pilotgroup import GRID, GROUP, MARK, QUEUE, Group, read
from autopyfactory.plugins.schedd import SILENT, PilotScheddOptions

STAGE = ("JobStatus", "GridJobStatus")
BY_GROUP = (GROUP, *STAGE)
ONE_BY_ONE = (GROUP, *STAGE, QUEUE, "JobUniverse", MARK, CE)
BY_TAG = ("ApfSubmission", QUEUE, MARK, "JobStatus")
PILOT = ("ApfSubmission", "ClusterId", "ProcId", "JobStatus")
REMOVED, COMPLETED, HELD = 3, 4, 5
Counted = tuple[Group, Any, Any, int]  # with JobStatus, GridJobStatus, and how many pilots
MOST = 20_000  # endings read at once; those before them are looked up by tag when they are missed
AT_ONCE = 200  # tags in one question
OVERLAP = 30.0  # seconds: clocks differ
# Starts feed what is known of latencies, and to find them the schedd goes through its whole queue.
STARTS_EACH = 10  # counts
STARTS_WITHIN = 300.0  # seconds


class CondorOptions(PilotScheddOptions, PolledOptions):
    """Options of the batch status plugin `Condor`."""

    prefixes = ("batchstatus.condor",)
    sleep: float = sleep_option(60, "Time between counts")
    timeout: float = timeout_option(20, SILENT)


class Condor(BatchStatusPlugin[CondorOptions]):
    """Pilots in a schedd that carry this factory's name."""

    name = "Condor"
    from_url = True
    tells_endings = True
    Options = CondorOptions

    def __init__(self, options: CondorOptions, context: QueueContext):
        super().__init__(options, context)
        self.schedd_target = options.target()
        self._schedd = str(self.schedd_target)
        self._mapping = StatusMapping.load(CONDOR_BATCH, context.mappings)
        self._all_grouped = True  # as far as is known
        self._read_until = 0.0  # Unix time: those that started before are known
        self._complete = False  # whether pilots stood in the queue at the last count that had ended
        self._mine = f"ApfFactory =?= {constraint_string(context.factory.factory_id)}"

    @property
    def target(self) -> str:
        """Return the schedd as the submit plugins say it."""
        return self._schedd

    @property
    def label(self) -> str:
        """Return the schedd as people write it."""
        return f"schedd {self._schedd}"

    def fetch(self) -> BatchStatus:
        """Count the factory's pilots per queue. Raises SourceError."""
        identity, rows = self._census()
        self._complete = any(status == COMPLETED for _, status, *_ in rows)
        return summarize(rows, self._mapping, self.context.shared.mark, identity)

    def _census(self) -> tuple[str, list[Counted]]:
        """Ask by groups while all pilots are in one: what an earlier release sent is in none."""
        if self._all_grouped:
            identity, rows = self._ask(BY_GROUP)
            found = [(group, *rest) for text, *rest in rows if (group := read(text)) is not None]
            if len(found) == len(rows):
                return identity, found
        self._all_grouped = False
        identity, rows = self._ask(ONE_BY_ONE)
        self._all_grouped = all(read(text) is not None for text, *_ in rows)
        return identity, [
            (Group(str(queue), str(mark or ""), universe == GRID, str(ce or "")), status, stage, number)
            for _, status, stage, queue, universe, mark, ce, number in rows
            if queue is not None  # else it is not ours to decide about
        ]

    def _ask(self, keys: Sequence[str]) -> tuple[str, list[tuple[Any, ...]]]:
        try:
            return client(self.schedd_target).census(
                keys, self._mine, deadline=self.options.timeout, probe=True
            )
        except CondorError as err:
            raise SourceError(str(err), hung=isinstance(err, Overrun | Busy)) from err

    def endings(self, cursor: str) -> Endings:
        """Return the pilots that left the schedd's queue after the one that `cursor` names.

        Raises SourceError. In the order in which they left: the history is a file that only grows. Without a
        cursor those of the last hour: older ones nobody looks back at, and the book looks up what it misses.
        """
        asked = time.time()
        look = self._complete or self._starts_are_due(asked)
        since = max(self._read_until, asked - WINDOW)
        try:
            identity, queue, history = client(self.schedd_target).endings(
                self._mine,
                ENDED,
                since=cursor or f"EnteredCurrentStatus < {int(asked - WINDOW)}",
                started=int(since) if look else None,
                limit=MOST,
                deadline=self.options.timeout,
            )
        except CondorError as err:
            raise SourceError(str(err)) from err
        if look:
            self._read_until = asked - OVERLAP
        if history:
            cursor = f"{history[0]['ClusterId']}.{history[0]['ProcId']}"
        gone = [*(ad for ad in queue if ad["JobStatus"] == COMPLETED), *reversed(history)]
        ended = tuple((str(ad["ApfSubmission"]), int(ad["ProcId"]), str(ad["ClusterId"])) for ad in gone)
        starts = [start_of(ad) for ad in queue if ad["JobStatus"] != COMPLETED]
        pilots = [ending_of(ad) for ad in gone]
        return Endings(identity, cursor, ended, tuple(e for e in pilots if e), tuple(s for s in starts if s))

    def _starts_are_due(self, now: float) -> bool:
        pause = min(STARTS_EACH * self.options.sleep, STARTS_WITHIN)
        return not 0 <= now - (self._read_until + OVERLAP) < pause  # also when the clock was set back

    def survey(self) -> Surveyed:
        """Return the tags of the pilots in the schedd's queue, added up by the schedd. Raises SourceError."""
        try:
            identity, rows = client(self.schedd_target).census(
                BY_TAG, self._mine, deadline=self.options.timeout, probe=True
            )
        except CondorError as err:
            raise SourceError(str(err)) from err
        tags: dict[str, TagCount] = {}
        for tag, queue, mark, status, count in rows:
            if status != COMPLETED and queue is not None:
                tag = str(tag)
                before = tags[tag].alive if tag in tags else 0
                tags[tag] = TagCount(str(queue), str(mark or ""), before + int(count))
        return Surveyed(identity, tags)

    def search(self, tags: frozenset[str], most: int) -> Searched:
        """Return what the schedd's queue and history know of `tags`. Raises SourceError."""
        found: dict[str, dict[int, TagFound]] = {}
        identities, keeps = set(), True
        wanted = sorted(tags)
        try:
            for begin in range(0, len(wanted), AT_ONCE):
                names = ", ".join(constraint_string(t) for t in wanted[begin : begin + AT_ONCE])
                constraint = f"{self._mine} && member(ApfSubmission, {{{names}}})"
                identity, queue, history, keeps = client(self.schedd_target).look_up(
                    constraint, PILOT, limit=most, deadline=self.options.timeout
                )
                identities.add(identity)
                for ad in queue:
                    _note(found, ad, ended=ad["JobStatus"] == COMPLETED)
                for ad in history:
                    _note(found, ad, ended=True)
        except CondorError as err:
            raise SourceError(str(err)) from err
        if len(identities) != 1:
            raise SourceError("the schedd changed between two questions")
        return Searched(identities.pop(), {tag: _first(of) for tag, of in found.items()}, keeps)


def _note(found: dict[str, dict[int, TagFound]], ad: Mapping[str, Any], *, ended: bool) -> None:
    tag, cluster, proc = str(ad["ApfSubmission"]), int(ad["ClusterId"]), int(ad["ProcId"])
    clusters = found.setdefault(tag, {})
    f = clusters.get(cluster, TagFound(str(cluster), 0, 0))
    bit = 1 << proc
    if ended:
        clusters[cluster] = TagFound(f.cluster, f.alive & ~bit, f.ended | bit)
    else:
        clusters[cluster] = TagFound(f.cluster, f.alive | bit, f.ended)


def _first(clusters: Mapping[int, TagFound]) -> TagFound:
    """Return the first of the clusters with one tag: before it was sent nobody could copy its tag."""
    first, *copies = (found for _, found in sorted(clusters.items()))
    return replace(first, copies=tuple(copies))


def summarize(
    rows: Iterable[Counted], mapping: StatusMapping, mark: str = "", identity: str = ""
) -> BatchStatus:
    """Turn grouped counts into counts per queue; `mark` is that of our book.

    A grid job without GridJobStatus has not reached its CE yet; one that is idle runs if its CE says so. One
    that was removed is in the queue until it is gone from its CE: it may run there, so it counts as pending
    whatever mappings.conf says.
    """
    queues: dict[str, dict[str, int]] = {}
    others: dict[str, int] = {}
    running_at: dict[str, dict[str, int]] = {}
    attributes: dict[Any, str] = {}  # by JobStatus: there are few, and thousands of rows
    for group, status, stage, number in rows:
        name, count, status = group.queue, int(number), actual(status, stage)
        attribute = attributes.get(status)
        if attribute is None:
            attribute = "pending" if status == REMOVED else mapping.attribute(status)
            attributes[status] = attribute
        counts = queues.setdefault(name, {})
        counts[attribute] = counts.get(attribute, 0) + count
        if group.ce and attribute == "running":
            at = running_at.setdefault(name, {})
            at[group.ce] = at.get(group.ce, 0) + count
        if attribute == "pending":
            part = _part(status, stage, grid=group.grid)
            counts[part] = counts.get(part, 0) + count
        if (group.mark != mark or not mark) and attribute != "done":
            others[name] = others.get(name, 0) + count
    return BatchStatus(
        {name: BatchQueueInfo(**counts) for name, counts in queues.items()}, others, identity, running_at
    )


def _part(status: Any, stage: Any, *, grid: bool) -> str:
    if status == HELD:
        return "held"
    if status == REMOVED:
        return "leaving"
    return "unsubmitted" if grid and stage is None else "waiting"
