"""Asking a factory: every answer, also none, comes in time."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from autopyfactory.control import place
from autopyfactory.control.client import ControlError, NotRunning, call
from autopyfactory.control.server import ControlServer
from patience import PATIENCE, SOON

Start = Callable[..., ControlServer]


def test_nobody_there(tmp_path: Path, start: Start) -> None:
    with pytest.raises(NotRunning):
        call(tmp_path / "none.sock", "echo")
    with pytest.raises(NotRunning):
        call(tmp_path / "no" / "folder.sock", "echo")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead"))
    dead.close()
    with pytest.raises(NotRunning):
        call(tmp_path / "dead", "echo")


def test_a_slow_answer_ends_in_time(start: Start) -> None:
    began = time.monotonic()
    with pytest.raises(ControlError, match=r"within 0.2 s") as caught:
        call(start().path, "hang", 0.2)
    assert not isinstance(caught.value, NotRunning)
    assert time.monotonic() - began < SOON


def test_a_server_that_trickles_ends_in_time(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listener = place.listen(path, None)

    def trickle() -> None:
        connection, _ = listener.accept()
        with connection:
            while True:
                try:
                    connection.sendall(b"x")
                except OSError:
                    return
                time.sleep(0.02)

    threading.Thread(target=trickle, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(ControlError, match="did not answer"):
        call(path, "echo", 0.3)
    assert time.monotonic() - began < SOON
    listener.close()


def test_a_server_that_hangs_up(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listener = place.listen(path, None)
    threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
    with pytest.raises(ControlError):
        call(path, "echo", PATIENCE)
    listener.close()


def crowd(path: Path) -> list[socket.socket]:
    """Let as many wait at a door as may."""
    waiting: list[socket.socket] = []
    with contextlib.suppress(BlockingIOError):
        while len(waiting) < 1000:
            waiting.append(place.connect(path, 1.0))
    assert 0 < len(waiting) < 1000
    return waiting


def test_a_crowded_door_is_a_busy_factory_and_not_one_that_does_not_run(tmp_path: Path) -> None:
    listener = place.listen(tmp_path / "s", None)
    waiting = crowd(tmp_path / "s")
    began = time.monotonic()
    with pytest.raises(ControlError, match=r"within 0.3 s: it is busy") as caught:
        call(tmp_path / "s", "echo", 0.3)
    assert not isinstance(caught.value, NotRunning)
    assert time.monotonic() - began < SOON
    for connection in (*waiting, listener):
        connection.close()


def test_whoever_comes_while_the_door_is_crowded_asks_again(tmp_path: Path) -> None:
    path = tmp_path / "s"
    listener = place.listen(path, None)
    waiting = crowd(path)
    with ThreadPoolExecutor() as others:
        asked = others.submit(call, path, "echo", PATIENCE)
        time.sleep(0.05)
        assert not asked.done()
        for _ in waiting:
            listener.accept()[0].close()
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1000).endswith(b"\n")
            connection.sendall(b'{"ok":false,"error":"busy: for a moment","busy":true}\n')
        connection, _ = listener.accept()
        with connection:
            assert connection.recv(1000).endswith(b"\n")
            connection.sendall(b'{"ok":true,"result":7}\n')
        assert asked.result(PATIENCE) == 7
    for one in (*waiting, listener):
        one.close()


def test_too_large_a_question_is_not_sent(start: Start) -> None:
    with pytest.raises(ControlError, match="longer than"):
        call(start().path, "echo", text="x" * 100_000)
