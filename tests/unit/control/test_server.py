"""The control socket: real sockets, both ends, friendly and hostile."""

import contextlib
import grp
import os
import socket
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.control import place, server
from autopyfactory.control.client import ControlError, NotRunning, call
from autopyfactory.control.server import ControlServer, SocketError
from patience import PATIENCE, until

Start = Callable[..., ControlServer]


# --- asking -------------------------------------------------------------------------------------


def test_a_command_and_its_answer(start: Start) -> None:
    made = start()
    assert call(made.path, "echo", queue="Q1", hours=2.5) == {"queue": "Q1", "hours": 2.5}
    assert call(str(made.path), "echo") == {}


def test_dataclasses_and_times_are_sent_as_plain_data(start: Start) -> None:
    assert call(start().path, "facts") == {"n": 1, "when": "2026-11-22T00:00:00.000+00:00"}


def test_large_answers(start: Start) -> None:
    assert len(call(start().path, "big", size=5_000_000)) == 5_000_000


def test_a_refused_command(start: Start) -> None:
    with pytest.raises(ControlError, match="no such command: fly"):
        call(start().path, "fly")


@pytest.mark.parametrize("command", ["crash", "object"])
def test_an_error_in_a_command_is_told_and_leaves_the_server_alive(start: Start, command: str) -> None:
    made = start()
    with pytest.raises(ControlError, match="internal error"):
        call(made.path, command)
    assert call(made.path, "echo") == {}


# --- who may ask --------------------------------------------------------------------------------


def test_only_our_user_may_ask(start: Start) -> None:
    assert stat.S_IMODE(start().path.stat().st_mode) == 0o600


def test_a_group_may_ask_too(start: Start) -> None:
    mine = grp.getgrgid(os.getgid()).gr_name
    made = start(group=mine)
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o660
    assert made.path.stat().st_gid == os.getgid()


def test_a_group_that_does_not_exist(start: Start) -> None:
    with pytest.raises(SocketError, match="no-such-group"):
        start(group="no-such-group")


@pytest.mark.root
def test_another_user_is_refused(tmp_path: Path, start: Start) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    made = start()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        try:
            call(made.path, "echo")
        except NotRunning:
            os._exit(2)
        except ControlError as err:
            os._exit(0 if "may not command" in str(err) else 3)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# --- the socket file ----------------------------------------------------------------------------


def test_a_stale_socket_is_replaced(start: Start, tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "control.sock"))
    dead.close()
    assert call(start().path, "echo") == {}


def test_a_living_one_is_not(start: Start) -> None:
    made = start()
    with pytest.raises(SocketError, match="another factory"):
        start()
    assert call(made.path, "echo") == {}


def test_closing_removes_it(start: Start) -> None:
    made = start()
    made.close()
    assert not made.path.exists()
    with pytest.raises(NotRunning):
        call(made.path, "echo")
    made.close()


def test_closing_does_not_remove_a_successors(start: Start) -> None:
    first = start()
    first.path.unlink()
    second = start()
    first.close()
    assert call(second.path, "echo") == {}


# --- clients that misbehave ---------------------------------------------------------------------


def raw(path: Path, data: bytes) -> bytes:
    with place.connect(path, PATIENCE) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def test_several_requests_on_one_connection(start: Start) -> None:
    answer = raw(start().path, b'{"command":"echo","arguments":{"n":1}}\n{"command":"echo"}\n')
    assert answer == b'{"ok":true,"result":{"n":1}}\n{"ok":true,"result":{}}\n'


@pytest.mark.parametrize(
    "request_",
    [
        b"nonsense",
        b"[]",
        b"null",
        b"{}",
        b'{"command":1}',
        b'{"command":"echo","arguments":[]}',
        b"\xff\xfe",
        b"[" * 60_000,
    ],
)
def test_garbage_is_answered_with_an_error(start: Start, request_: bytes) -> None:
    made = start()
    assert raw(made.path, request_ + b"\n").startswith(b'{"ok":false,"error":"')
    assert call(made.path, "echo") == {}


def test_endless_lines_are_cut_off(start: Start) -> None:
    made = start()
    with place.connect(made.path, PATIENCE) as connection, pytest.raises(OSError):
        for _ in range(1000):
            connection.sendall(b"x" * 65536)
    assert call(made.path, "echo") == {}


def test_silent_clients_do_not_keep_others_waiting(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE", 2.0)
    made = start()
    silent = [place.connect(made.path, PATIENCE) for _ in range(server.CLIENTS - 1)]
    assert call(made.path, "echo") == {}
    for connection in silent:
        connection.settimeout(PATIENCE)
        assert connection.recv(1) == b"", "sent away after a while"
        connection.close()


def test_clients_that_only_hold_a_place_give_it_up_to_those_that_ask(start: Start) -> None:
    made = start()

    def held() -> socket.socket | None:
        with contextlib.suppress(BlockingIOError):  # more at once than may wait at the door
            return place.connect(made.path, PATIENCE)
        return None

    def answered() -> bool:
        with contextlib.suppress(ControlError):  # busy: the place that was made was slow to come free
            return call(made.path, "echo") == {}
        return False

    hanging = [until(held) for _ in range(3 * server.CLIENTS)]
    until(answered)
    hanging[-1].sendall(b'{"command": "echo"')  # one that sends half of its question is no better
    until(answered)
    for connection in hanging:
        connection.close()


def test_too_many_commands_at_once_are_told_so(start: Start) -> None:
    """Those under way are not cut off for others."""
    made = start()
    free = threading.Event()
    made._handler = lambda command, arguments: free.wait(PATIENCE)
    hanging = [place.connect(made.path, PATIENCE) for _ in range(server.CLIENTS)]
    for connection in hanging:
        connection.sendall(b'{"command": "wait"}\n')
    until(lambda: not made._waiting and made._clients._value == 0)
    with pytest.raises(ControlError, match=r"within 2 s: it is busy: 16") as caught:
        call(made.path, "echo", 2.0)
    assert not isinstance(caught.value, NotRunning)
    with ThreadPoolExecutor() as others:
        later = others.submit(call, made.path, "echo", PATIENCE)
        free.set()
        assert later.result(PATIENCE) is True, "it was asked again"
    for connection in hanging:
        connection.settimeout(PATIENCE)
        assert connection.recv(1)
        connection.close()

    def answered() -> bool:
        with contextlib.suppress(ControlError):
            return bool(call(made.path, "echo"))
        return False

    until(answered)


def test_a_client_that_does_not_read_is_left(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE", 0.2)
    made = start()
    before = set(threading.enumerate())
    with place.connect(made.path, PATIENCE) as connection:
        connection.sendall(b'{"command":"big","arguments":{"size":5000000}}\n')
        until(lambda: "control client" not in {t.name for t in set(threading.enumerate()) - before})


def test_many_clients_side_by_side(start: Start) -> None:
    made = start()
    got: list[Any] = []

    def ask(n: int) -> None:
        got.append(call(made.path, "echo", n=n)["n"])

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(got) == list(range(12))
