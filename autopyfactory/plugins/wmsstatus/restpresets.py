"""What the source `REST` needs to know of systems that many have, so that a queue only names one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from autopyfactory.plugins.wmsstatus import slurmjobs

Counts = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Preset:
    """Defaults for the options of `REST`; what a queue sets itself wins."""

    path: str = ""  # taken when the URL names only the server
    method: str = "GET"
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    token_header: str = "Authorization"
    success: str | None = None
    counts: str = "@"
    queue: str | None = None
    status: str | None = None
    number: str | None = None
    next: str | None = None
    next_param: str | None = None
    absent: str = "unknown"
    statuses: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[Any], Counts] | None = None  # instead of the four expressions


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_WAITING = {
    "grouping": ["Status", "Site"],
    "search": [{"parameter": "Status", "operator": "eq", "value": "Waiting"}],
}

PRESETS: Mapping[str, Preset] = {
    # All task queues at once. Their jobs may run at any of `Sites`, or anywhere if there are none: then they
    # count for every queue, as the matcher would give them to a pilot at any site.
    "dirac": Preset(
        path="/WorkloadManagement/Matcher",
        method="POST",
        body=urlencode({"method": "getActiveTaskQueues", "args": "[]"}),
        headers=_FORM,
        success="OK",
        counts="values(Value)",
        queue="Sites || ['*']",
        number="Jobs",
        absent="zero",
    ),
    "diracx": Preset(
        path="/api/jobs/summary",
        method="POST",
        body=json.dumps(_WAITING),
        headers=_JSON,
        success="type(@) == 'array'",
        queue="Site == 'ANY' && '*' || Site",
        status="Status",
        number="count",
        absent="zero",
        statuses={"Waiting": "ready"},
    ),
    "slurmrestd": Preset(
        path="/slurm/v0.0.40/jobs",
        headers={"Accept": "application/json"},
        token_header="X-SLURM-USER-TOKEN",
        absent="zero",
        statuses=slurmjobs.STATUSES,
        read=slurmjobs.count,
    ),
    # A pod that was scheduled has its node already, even while it is still Pending.
    "kubernetes": Preset(
        path="/api/v1/pods",
        headers={"Accept": "application/json"},
        params={"fieldSelector": "status.phase=Pending", "limit": "500"},
        success="kind == 'PodList'",
        counts="items",
        queue='metadata.labels."kueue.x-k8s.io/queue-name" || metadata.namespace',
        status="(status.conditions[?type=='PodScheduled' && status=='False'] | [0].reason) || status.phase",
        next="metadata.continue",
        next_param="continue",
        absent="zero",
        statuses={
            "Unschedulable": "ready",
            "SchedulingGated": "notready",
            "SchedulerError": "notready",
            "Pending": "notready",
            "Running": "running",
            "Succeeded": "done",
            "Failed": "failed",
        },
    ),
}
