"""Idle, half and slow connections cost nobody else anything, and end."""

from __future__ import annotations

import asyncio
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import webkit
from autopyfactory.daemon.webchild import WebOptions
from autopyfactory.web import server
from autopyfactory.web.site import Site
from patience import PATIENCE, until


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections on which nothing comes are ended soon: also those of a client whom a busy machine stops."""
    monkeypatch.setattr(server, "REQUEST", 0.3)
    monkeypatch.setattr(server, "READING", 0.3)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    access: Any = webkit.FakeAccess(tmp_path)
    options = WebOptions(port=0)
    listener = server._listen(options)
    listening = threading.Event()
    running = server._Server(server._config(Site.of(access, options)), listening.set)
    thread = threading.Thread(target=lambda: asyncio.run(running.serve([listener])), daemon=True)
    thread.start()
    assert listening.wait(PATIENCE)
    yield listener.getsockname()[1]
    running.should_exit = True
    thread.join(PATIENCE)
    assert not thread.is_alive()


def live(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=PATIENCE) as answer:
        return int(answer.status)


def connect(port: int, data: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    if data:
        made.sendall(data)
    return made


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(65536) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "data", [b"", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "], ids=["idle", "half"]
)
def test_two_hundred_connections_without_a_request_are_harmless_and_end(port: int, data: bytes) -> None:
    connections = [connect(port, data) for _ in range(200)]
    try:
        until(lambda: live(port) == 200)
        for connection in connections:
            until(lambda connection=connection: is_closed(connection))  # type: ignore[misc]
    finally:
        for connection in connections:
            connection.close()
    until(lambda: live(port) == 200)


@pytest.mark.usefixtures("impatient")
def test_one_that_trickles_a_request_ends_too(port: int) -> None:
    connection = connect(port, b"GET / HTTP/1.1\r\n")
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.05):
            try:
                connection.sendall(b"X-A: b\r\n")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        until(lambda: is_closed(connection))
    finally:
        over.set()
        thread.join()
        connection.close()


@pytest.mark.usefixtures("impatient")
def test_an_answer_that_nobody_takes_ends(port: int) -> None:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    request = b"GET /static/style.css HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with pytest.raises(OSError):
        for _ in range(200_000):
            connection.sendall(request)
    connection.close()
    until(lambda: live(port) == 200)


def test_head_is_get_without_a_body(port: int) -> None:
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", method="HEAD")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert (answer.status, answer.read()) == (200, b"")


def test_who_comes_back_within_seconds_keeps_the_connection(port: int) -> None:
    connection = connect(port)
    for _ in range(3):
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        said = b""
        while not said.endswith(b"}"):
            more = connection.recv(65536)
            assert more, said
            said += more
        assert said.startswith(b"HTTP/1.1 200 OK")
    connection.close()
