"""The one client per target that the whole factory shares."""

from __future__ import annotations

import threading
import time

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target

_lock = threading.Lock()
_clients: dict[Target, CondorClient] = {}


def client(target: Target) -> CondorClient:
    """The client for a target; made at the first request. It starts no process before its first call."""
    with _lock:
        if target not in _clients:
            _clients[target] = CondorClient(target)
        return _clients[target]


def clients() -> list[CondorClient]:
    """All clients, for reports."""
    with _lock:
        return list(_clients.values())


def close_all(timeout: float = 0.0) -> None:
    """Close every client; `timeout` seconds from now, calls still under way are cut off."""
    with _lock:
        closing = list(_clients.values())
        _clients.clear()
    end = time.monotonic() + timeout
    for one in closing:
        one.close(max(0.0, end - time.monotonic()))
