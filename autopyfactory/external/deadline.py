"""A time limit for a whole HTTP exchange.

The time limits of `requests` hold for one read from the network each: a server that sends a byte now and
then keeps its client for hours. Connections made here hold every read and write to one moment at which the
whole exchange must be over, redirects and retries included. Only the look-up of a host's name is left to
the resolver's own limits.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager

_current = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All exchanges that this thread makes inside must be over after `seconds`."""
    _current.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _current.until = None


def left() -> float:
    """Return the seconds that are left; raises TimeoutError when none are."""
    until: float | None = getattr(_current, "until", None)
    if until is None:
        return 60.0  # a connection used outside of `within` still ends
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the time for the whole exchange is over")
    return seconds


class _DeadlineSocket:
    """A connected socket whose reads and writes end with the exchange."""

    # socket.makefile only needs recv_into and the count of its readers, both below
    makefile: Any = socket.socket.makefile

    def __init__(self, sock: Any):
        self._sock = sock
        self._io_refs = 0
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def recv_into(self, *args: Any) -> int:
        self._sock.settimeout(left())
        count: int = self._sock.recv_into(*args)
        return count

    def sendall(self, *args: Any) -> None:
        self._sock.settimeout(left())
        self._sock.sendall(*args)

    def _decref_socketios(self) -> None:
        self._io_refs -= 1
        if self._closed:
            self.close()

    def close(self) -> None:
        self._closed = True
        if self._io_refs <= 0:
            self._sock.close()


class _Connection(HTTPConnection):
    def connect(self) -> None:
        self.timeout = left()
        super().connect()
        self.sock: Any = _DeadlineSocket(self.sock)


class _TLSConnection(HTTPSConnection):
    def connect(self) -> None:
        self.timeout = left()
        super().connect()
        self.sock: Any = _DeadlineSocket(self.sock)


class _Pool(HTTPConnectionPool):
    ConnectionCls: Any = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls: Any = _TLSConnection


class DeadlineAdapter(HTTPAdapter):
    """Mount this in a `requests.Session` to have `within` obeyed."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of connections."""
        super().init_poolmanager(*args, **kwargs)
        self._use_deadlines(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Return the pools of connections through `proxy`."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        self._use_deadlines(manager)
        return manager

    @staticmethod
    def _use_deadlines(manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
