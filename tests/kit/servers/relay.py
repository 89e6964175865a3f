"""A relay in front of a stand-in server: misbehaves and recovers when told to, always on the same port."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

from servers.faulty import Behaviour, FaultyServer


def to(port: int) -> Behaviour:
    """Pass everything on to the server at `port` of this machine."""

    def act(conn: socket.socket, server: FaultyServer) -> None:
        with socket.create_connection(("127.0.0.1", port)) as behind:
            back = threading.Thread(target=_copy, args=(behind, conn), daemon=True)
            back.start()
            _copy(conn, behind)
            back.join()

    return act


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):  # either side may break off
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Relay(FaultyServer):
    """Good at first; `breaks` and `recovers` as often as wanted."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None):
        self._good = to(port)
        super().__init__(self._good, tls)
        self._good_tls = tls
        self._refusing = False

    def breaks(
        self, behaviour: Behaviour | None = None, tls: Callable[[], ssl.SSLContext] | None = None
    ) -> None:
        """Misbehave from now on; with neither argument connections are refused."""
        if behaviour is not None:
            self.behaviour = behaviour
        elif tls is not None:
            self._tls = tls()
        else:
            self.shut()

    def speaks_plainly(self) -> None:
        """No TLS from now on."""
        self._tls = None

    def recovers(self) -> None:
        """Be good again."""
        self.behaviour, self._tls = self._good, self._good_tls
        self.open()
