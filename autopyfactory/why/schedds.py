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


def targets_of(queue: QueueConfig) -> tuple[Target, ...]:
    """Return the schedds that `queue` sends through; none: it uses none."""
    found = (_target(route.batchsubmit.options) for route in queue.routes)
    return tuple(dict.fromkeys(target for target in found if target is not None))


def target_of(queue: QueueConfig) -> Target | None:
    """Return the schedd that `queue` sends through, of several the first; None when it uses none."""
    return next(iter(targets_of(queue)), None)


def _target(options: Any) -> Target | None:
    make = getattr(options, "target", None)
    found = make() if callable(make) else None
    return found if isinstance(found, Target) else None


def targets(queues: Iterable[QueueConfig]) -> Mapping[Target, list[str]]:
    """Return every schedd that `queues` send through, and which of them do."""
    found: dict[Target, list[str]] = {}
    for queue in queues:
        for target in targets_of(queue):
            found.setdefault(target, []).append(queue.name)
    return found
