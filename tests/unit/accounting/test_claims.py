"""One factory of each name sends to a place: the claims of a host, between objects and between processes."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from autopyfactory.accounting import claims, lockfiles
from autopyfactory.accounting.claims import Claims

HOLD = (
    "import sys; from autopyfactory.accounting.claims import Claims; c = Claims(sys.argv[1]); "
    "print(repr(c.take('place')), flush=True); sys.stdin.read()"
)


@pytest.fixture
def name() -> str:
    return uuid.uuid4().hex  # claims are the whole host's


def test_the_first_has_it_until_it_gives_it_up(name: str) -> None:
    first, second = Claims(name), Claims(name)
    assert (first.take("place"), first.take("place"), first.take("other")) == ("", "", "")
    for _ in range(200):  # however often it asks
        assert second.take("place") == f"process {os.getpid()}"
    assert Claims(f"not {name}").take("place") == ""
    first.close()
    assert second.take("place") == ""
    assert first.take("place") == "", "it is over: it neither claims nor complains"
    second.close()


def test_a_claim_ends_with_its_process_however_that_ends(name: str) -> None:
    mine = Claims(name)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdin is not None
    assert other.stdout.readline() == "''\n"
    assert mine.take("place") == f"process {other.pid}"
    other.kill()
    other.wait()
    other.stdout.close()
    other.stdin.close()
    assert mine.take("place") == ""
    mine.close()


def test_who_is_another_user_keeps_nothing_back(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Claims(name), Claims(name)
    assert first.take("place") == ""
    address = second._address("place")
    me = os.geteuid()
    monkeypatch.setattr(claims.os, "geteuid", lambda: me + 1)
    monkeypatch.setattr(Claims, "_address", lambda self, identity: address)
    assert second.take("place") == ""
    first.close()


def full(address: bytes) -> list[socket.socket]:
    """Return a socket of this name that nobody gets through to any more, and what fills it."""
    held = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)]
    held[0].bind(address)
    held[0].listen(0)
    while True:
        held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        held[-1].setblocking(False)
        try:
            held[-1].connect(address)
        except BlockingIOError:
            return held


def test_who_does_not_say_who_he_is_keeps_nothing_back(name: str) -> None:
    """Any user of the host can take a name first, and let nobody through to be asked whose it is."""
    mine = Claims(name)
    squatter = full(mine._address("place"))
    assert mine.take("place") == ""
    for one in squatter:
        one.close()
    mine.close()


def test_who_was_ours_counts_until_his_process_is_gone(name: str) -> None:
    mine = Claims(name)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None and other.stdin is not None
    assert other.stdout.readline() == "''\n"
    for _ in range(200):  # it takes nobody off meanwhile
        assert mine.take("place") == f"process {other.pid}"
    other.kill()
    other.wait()
    other.stdout.close()
    other.stdin.close()
    squatter = full(mine._address("place"))  # who took the name as soon as it was free
    assert mine.take("place") == ""
    for one in squatter:
        one.close()
    mine.close()


def test_who_has_it_can_be_asked_however_often_others_did(name: str) -> None:
    first = Claims(name)
    for _ in range(200):
        assert first.take("place") == ""
        another = Claims(name)  # it has not asked before
        assert another.take("place") == f"process {os.getpid()}"
    first.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which nobody else can write."""
    tmp_path.chmod(0o700)
    monkeypatch.setattr(lockfiles, "home", lambda: tmp_path)
    return tmp_path


def test_where_somebody_else_has_the_name_a_lock_of_our_user_tells(
    name: str, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Else any user of the host could switch the protection off."""
    first, second = Claims(name), Claims(name)
    squatter = full(first._address("place"))
    with caplog.at_level(logging.WARNING):
        assert [first.take("place") for _ in range(3)] == ["", "", ""]
    assert caplog.messages == [
        "somebody holds a name that is ours and does not say who it is: "
        "a lock in our user's home is used instead"
    ], "once"
    assert second.take("place") == f"process {os.getpid()}"
    assert second.take("another place") == "", "whose name is free"
    for one in squatter:
        one.close()
    assert second.take("place") == f"process {os.getpid()}", "the name is free, and the first still sends"
    assert (first.take("place"), second.take("place")) == ("", f"process {os.getpid()}")
    first.close()
    assert second.take("place") == ""
    second.close()


def test_a_home_that_others_can_write_to_is_not_trusted(
    name: str, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mine = Claims(name)
    squatter = full(mine._address("place"))
    home.chmod(0o777)
    assert mine.take("place") == ""
    assert "nothing keeps a second factory of this host from sending there" in caplog.text
    for one in squatter:
        one.close()
    mine.close()
