"""A server that misbehaves, in the ways networks and servers do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from servers.base import at_a_port

Behaviour = Callable[[socket.socket, "FaultyServer"], None]


def http(body: bytes, content_type: str = "text/plain", status: str = "200 OK", extra: str = "") -> bytes:
    """Return a whole, correct HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n{extra}"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def says(answer: bytes) -> Behaviour:
    """Read the request and send `answer`."""

    def act(conn: socket.socket, server: FaultyServer) -> None:
        read_request(conn)
        conn.sendall(answer)

    return act


def read_request(conn: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = conn.recv(65536)
        if not more:
            break
        data += more
    return data


def reset(conn: socket.socket, server: FaultyServer) -> None:
    """Take the request, then break the connection without a word."""
    read_request(conn)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def silent(conn: socket.socket, server: FaultyServer) -> None:
    """Take the request and never answer."""
    server.stopping.wait()


def drip_head(conn: socket.socket, server: FaultyServer) -> None:
    """Send a header that never ends, a byte at a time."""
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(conn, server)


def drip_body(conn: socket.socket, server: FaultyServer) -> None:
    """Send a body of known length that takes an hour."""
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 36000\r\n\r\n{")
    _drip(conn, server)


def _drip(conn: socket.socket, server: FaultyServer) -> None:
    while not server.stopping.wait(0.1):
        conn.sendall(b" ")


def cut_off(conn: socket.socket, server: FaultyServer) -> None:
    """Promise more than is sent."""
    read_request(conn)
    conn.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{"success": true, "data": {"SITE')


def endless(conn: socket.socket, server: FaultyServer) -> None:
    """Send 100 MB of JSON, without saying so first."""
    read_request(conn)
    conn.sendall(b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"success": true, "data": {"SITE": [')
    part = b"1," * 50_000
    for _ in range(1000):
        conn.sendall(part)


def huge(conn: socket.socket, server: FaultyServer) -> None:
    """Announce 100 MB."""
    read_request(conn)
    conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n[")
    server.stopping.wait()


def redirect_loop(conn: socket.socket, server: FaultyServer) -> None:
    """Send the client round in circles."""
    read_request(conn)
    conn.sendall(http(b"", status="302 Found", extra=f"Location: {server.url}/again\r\n"))


HTML = http(b"<!DOCTYPE html><html><body>Please log in</body></html>", "text/html")
PYTHON_REPR = http(b"{'success': True, 'message': '', 'data': {'SITE': {'activated': Decimal('4')}}}")
TRUNCATED_JSON = http(b'{"success": true, "message": "", "data": {"SITE": {"SCORE": {"managed": {"activ')


class FaultyServer:
    """Listens on 127.0.0.1 and treats each connection to `behaviour`."""

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None):
        self.behaviour = behaviour
        self.stopping = threading.Event()
        self.connections = 0
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._socket: socket.socket | None = at_a_port(lambda port: socket.create_server(("127.0.0.1", port)))
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://{'localhost' if self._tls else '127.0.0.1'}:{self.port}"

    def open(self) -> None:
        """Take connections again after `shut`, on the same port."""
        if self._socket is None:
            self._socket = socket.create_server(("127.0.0.1", self.port))
            threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def shut(self) -> None:
        """Refuse connections, and break those that are open."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._socket.close()
            self._socket = None
        self.drop()

    def drop(self) -> None:
        """Break the connections that are open."""
        for conn in list(self._open):
            with contextlib.suppress(OSError):
                conn.shutdown(socket.SHUT_RDWR)

    def _accept(self, listening: socket.socket) -> None:
        while not self.stopping.is_set():
            try:
                conn, _ = listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(conn)
            threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn: socket.socket) -> None:
        tls = self._tls
        try:
            with contextlib.suppress(OSError), conn:  # clients break off: that is the point
                if tls is None:
                    self.behaviour(conn, self)
                else:
                    with tls.wrap_socket(conn, server_side=True) as secure:
                        self._open.add(secure)
                        self.behaviour(secure, self)
                        self._open.discard(secure)
        finally:
            self._open.discard(conn)

    def __enter__(self) -> Self:
        assert self._socket is not None
        threading.Thread(target=self._accept, args=(self._socket,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self.shut()
