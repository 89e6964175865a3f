"""Clients for reports only: a report that waits for a schedd never makes a submission wait."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target
from autopyfactory.config.model import QueueConfig

_lock = threading.Lock()
_clients: dict[Target, CondorClient] = {}


def reporting_client(target: Target) -> CondorClient:
    """Return the client for reports about `target`; the factory's own calls go through another one."""
    with _lock:
        if target not in _clients:
            _clients[target] = CondorClient(target, retry_after=10.0)
        return _clients[target]


def close() -> None:
    """End the clients' child processes."""
    with _lock:
        closing = list(_clients.values())
        _clients.clear()
    for one in closing:
        one.close()


def target_of(queue: QueueConfig) -> Target | None:
    """Return the schedd that `queue` sends through; None when it uses none."""
    options: Any = queue.batchsubmit.options
    make = getattr(options, "target", None)
    found = make() if callable(make) else None
    return found if isinstance(found, Target) else None


def targets(queues: Iterable[QueueConfig]) -> Mapping[Target, list[str]]:
    """Return every schedd that `queues` send through, and which of them do."""
    found: dict[Target, list[str]] = {}
    for queue in queues:
        target = target_of(queue)
        if target is not None:
            found.setdefault(target, []).append(queue.name)
    return found
