"""How other systems name the state of a job, and what that means to us: `mappings.conf`.

Each section maps the states of one system to the attributes of `WMSQueueInfo` or `BatchQueueInfo`. What
mappings.conf says is laid over the built-in tables, so that a file of an older release still learns new
states.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping as AbstractMapping
from dataclasses import fields
from typing import Any

from autopyfactory.model.info import BatchQueueInfo, WMSQueueInfo
from autopyfactory.options.problem import ConfigError, Problem

log = logging.getLogger(__name__)

Tables = AbstractMapping[str, AbstractMapping[str, str]]

PANDA = "PANDAWMSSTATUS-JOBSSTATISTICSPERSITE2INFO"
CONDOR_WMS = "CONDORWMSSTATUS-JOBSTATUS2INFO"
CONDOR_BATCH = "CONDORBATCHSTATUS-JOBSTATUS2INFO"
CONDOR_EC2_BATCH = "CONDOREC2BATCHSTATUS-JOBSTATUS2INFO"

# JobStatus: 0 unexpanded, 1 idle, 2 running, 3 removed, 4 completed, 5 held, 6 transferring output,
# 7 suspended. A held pilot is pending, so that a CE which holds pilots does not look like one with room; a
# suspended one still has its slot and will run on, so that it must count against every limit.
_PILOTS = {
    "0": "pending",
    "1": "pending",
    "2": "running",
    "3": "done",
    "4": "done",
    "5": "pending",
    "6": "running",
    "7": "running",
}

BUILT_IN: Tables = {
    PANDA: {
        "pending": "notready",
        "defined": "notready",
        "assigned": "notready",
        "waiting": "notready",
        "throttled": "notready",
        "activated": "ready",
        "sent": "running",
        "starting": "running",
        "running": "running",
        "holding": "running",
        "transferring": "running",
        "merging": "running",
        "finished": "done",
        "failed": "failed",
        "cancelled": "failed",
        "closed": "failed",
    },
    CONDOR_WMS: {
        "0": "ready",
        "1": "ready",
        "2": "running",
        "3": "done",
        "4": "done",
        "5": "failed",
        "6": "running",
        "7": "running",
    },
    CONDOR_BATCH: _PILOTS,
    CONDOR_EC2_BATCH: _PILOTS,
}

WMS_ATTRIBUTES = frozenset(f.name for f in fields(WMSQueueInfo))
BATCH_ATTRIBUTES = frozenset(f.name for f in fields(BatchQueueInfo))

# More jobs of one queue in one state than any system holds: the answer is broken, not busy.
MAX_COUNT = 100_000_000
MAX_WARNINGS = 1000  # of states never heard of: a source that talks nonsense must not fill the memory

_warned: set[tuple[str, str]] = set()
_warned_lock = threading.Lock()


def whole_number(value: Any) -> int:
    """Return `value` as a count of jobs. Raises ValueError unless it is a whole number, 0 to MAX_COUNT."""
    if isinstance(value, float) and value.is_integer():
        value = int(value) if abs(value) <= MAX_COUNT else MAX_COUNT + 1
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r:.60} is not a number of jobs")
    if value < 0:
        raise ValueError(f"a negative number of jobs ({value})")
    if value > MAX_COUNT:
        raise ValueError(f"an impossible number of jobs (more than {MAX_COUNT})")
    return value


def _first_time(section: str, status: str) -> bool:
    with _warned_lock:
        if (section, status) in _warned or len(_warned) >= MAX_WARNINGS:
            return False
        _warned.add((section, status))
        return True


class Mapping:
    """One section of mappings.conf in effect: `status -> attribute`."""

    def __init__(self, section: str, table: AbstractMapping[str, str]):
        self.section = section
        self.table = dict(table)

    @classmethod
    def load(cls, section: str, configured: Tables | None = None) -> Mapping:
        """Return the built-in table of `section` with what `configured` (mappings.conf) says laid over it.

        Raises ConfigError when `configured` maps a state to something that is not counted.
        """
        wrong = problems({section: (configured or {}).get(section, {})})
        if wrong:
            raise ConfigError(wrong)
        return cls(section, {**BUILT_IN.get(section, {}), **(configured or {}).get(section, {})})

    def attribute(self, status: str | int) -> str:
        """Return the attribute that `status` counts in: `unknown`, after one warning, if it is not mapped."""
        known = self.table.get(str(status))
        if known is not None:
            return known
        if _first_time(self.section, str(status)):
            log.warning(
                "status %r is in no mapping of [%s]: such jobs count as unknown", str(status), self.section
            )
        return "unknown"

    def counts(self, statuses: AbstractMapping[str, Any] | AbstractMapping[int, Any]) -> dict[str, int]:
        """Add up `{status: number}` by attribute. Raises ValueError on a number that cannot be a count."""
        out: dict[str, int] = {}
        for status, number in statuses.items():
            name = self.attribute(status)
            try:
                out[name] = out.get(name, 0) + whole_number(number)
            except ValueError as err:
                raise ValueError(f"status {str(status)!r}: {err}") from None
        return out

    def wms(self, statuses: AbstractMapping[str, Any] | AbstractMapping[int, Any]) -> WMSQueueInfo:
        """Return the counts of `{status: number}` as what one WMS queue has to do."""
        return WMSQueueInfo(**self.counts(statuses))

    def batch(self, statuses: AbstractMapping[str, Any] | AbstractMapping[int, Any]) -> BatchQueueInfo:
        """Return the counts of `{status: number}` as the pilots of one queue."""
        return BatchQueueInfo(**self.counts(statuses))


def problems(configured: Tables) -> list[Problem]:
    """Return what is wrong with mappings.conf: values that are no attribute of what they map to."""
    found = []
    for section, table in configured.items():
        allowed = BATCH_ATTRIBUTES if "BATCHSTATUS" in section.upper() else WMS_ATTRIBUTES
        for status, attribute in table.items():
            if attribute not in allowed:
                hint = "one of " + ", ".join(sorted(allowed))
                message = f"no such count: {attribute}"
                found.append(Problem("error", message, None, section, status, attribute, hint))
    return found
