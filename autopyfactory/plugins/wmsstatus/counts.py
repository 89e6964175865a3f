"""What the sources that give plain counts have in common: `{queue: {status: number}}` and its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator

from autopyfactory.config import jobstates
from autopyfactory.external import strictjson
from autopyfactory.model.info import WMSQueueInfo, WMSStatus
from autopyfactory.options.declare import option
from autopyfactory.options.polled import PolledOptions, maxage_option, sleep_option
from autopyfactory.plugins.base import SourceError, WMSStatusPlugin

MAX_QUEUES = 100_000
IDENTITY = {name: name for name in sorted(jobstates.WMS_ATTRIBUTES)}


def _known_attributes(table: dict[str, str]) -> dict[str, str]:
    for status, attribute in table.items():
        if attribute not in jobstates.WMS_ATTRIBUTES:
            allowed = ", ".join(sorted(jobstates.WMS_ATTRIBUTES))
            raise ValueError(f"{status}: no such count: {attribute} (one of {allowed})")
    return table


StatusMap = Annotated[dict[str, str], AfterValidator(_known_attributes)]


class CountsOptions(PolledOptions):
    """Options of every source of plain counts; `prefixes` says under which name."""

    sleep: float = sleep_option(60, "Time between two readings; queues share one", scope="queue", ge=1)
    maxage: float = maxage_option(360, "Counts older than this send no pilots", scope="queue")
    absent: Literal["unknown", "zero"] = option(
        "unknown",
        key="{prefix}.absent",
        question=False,
        description="What it means when a good answer lacks the queue: unknown (nothing is sent) or zero",
    )
    statuses: StatusMap = option(
        key="{prefix}.status.*",
        default_factory=dict,
        description="How a status of the source counts: ready, notready, running, done, failed or unknown; "
        "these words themselves need no entry",
    )


O = TypeVar("O", bound=CountsOptions)  # noqa: E741 - short for options, as in the base class


class CountsPlugin(WMSStatusPlugin[O], Generic[O]):
    """Base of the sources that give plain counts."""

    @property
    def absent(self) -> str:
        """What a queue is that a good answer does not mention: unknown or zero."""
        return self.options.absent

    def queue_info(self, status: WMSStatus) -> WMSQueueInfo | None:
        """Return this queue's work; a queue that is not mentioned is what `absent` says."""
        found = super().queue_info(status)
        if found is None and self.absent == "zero" and self.context.queue_options.wmsqueue:
            return WMSQueueInfo()
        return found

    def mapping(self) -> jobstates.Mapping:
        """Return how statuses count."""
        section = f"{self.name.upper()}WMSSTATUS-STATUS2INFO"
        known = jobstates.Mapping.load(section, self.context.mappings)
        return jobstates.Mapping(section, {**IDENTITY, **known.table, **self.options.statuses})

    def status(self, counts: Mapping[str, Mapping[str, Any]], lag: float = 0.0) -> WMSStatus:
        """Return `{queue: {status: number}}` as a WMSStatus. Raises SourceError on an impossible number."""
        mapping = self.mapping()
        queues = {}
        for queue, statuses in counts.items():
            try:
                queues[queue] = mapping.wms(statuses)
            except ValueError as err:
                raise SourceError(f"{self.label}: queue {queue!r:.80}: {err}") from None
        return WMSStatus(queues, lag=lag)


def parse(text: str) -> dict[str, dict[str, Any]]:
    """Read JSON `{queue: {status: number}}` (or `{queue: number}`: ready) or lines `queue status number`.

    Raises ValueError for anything else, an empty text and contradictions included.
    """
    if not text.strip():
        raise ValueError("nothing in it")
    counts = _from_json(text) if text.lstrip().startswith(("{", "[")) else _from_lines(text)
    if len(counts) > MAX_QUEUES:
        raise ValueError(f"more than {MAX_QUEUES} queues")
    return counts


def _from_json(text: str) -> dict[str, dict[str, Any]]:
    data = strictjson.loads(text)
    if not isinstance(data, dict):
        raise ValueError("JSON, but not an object with a key for each queue")
    counts: dict[str, dict[str, Any]] = {}
    for queue, value in data.items():
        statuses = value if isinstance(value, dict) else {"ready": value}
        for status, number in statuses.items():
            try:
                jobstates.whole_number(number)
            except ValueError as err:
                raise ValueError(f"queue {queue!r:.80}, status {status!r:.80}: {err}") from None
        counts[queue] = statuses
    return counts


def _from_lines(text: str) -> dict[str, dict[str, Any]]:
    counts: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts = line.rsplit(None, 2)
        if len(parts) != 3 or not (parts[2].isascii() and parts[2].isdigit() and len(parts[2]) < 18):
            raise ValueError(f"line {number} is not `queue status number`: {line[:80]!r}")
        queue, status = parts[0].strip(), parts[1]
        if status in counts.setdefault(queue, {}):
            raise ValueError(f"line {number}: {queue!r:.80} {status!r:.80} is there twice")
        counts[queue][status] = int(parts[2])
    if not counts:
        raise ValueError("nothing but comments in it")
    return counts
