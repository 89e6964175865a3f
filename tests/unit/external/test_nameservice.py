"""A host that does not exist is told from a name service that says nothing, and nobody waits for that one."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from autopyfactory.external.nameservice import NoNameService, NoSuchHost, addresses
from patience import SOON


def test_a_host_that_exists() -> None:
    assert addresses("127.0.0.1", SOON) == ("127.0.0.1",)
    assert addresses("localhost", SOON)


def test_a_host_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoSuchHost, match=r"no host has the name ce\.example"):
        addresses("ce.example", SOON)
    with pytest.raises(NoSuchHost):
        addresses("ce1.example", SOON)


def test_what_can_be_no_name() -> None:
    with pytest.raises(NoSuchHost):
        addresses("a..b", SOON)


def test_a_name_service_in_trouble_says_nothing_about_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def later(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", later)
    with pytest.raises(NoNameService, match="Temporary failure"):
        addresses("ce.example", SOON)


def test_nobody_waits_for_a_name_service_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait() and [])
    began = time.monotonic()
    with pytest.raises(NoNameService, match=r"within 0\.1 s"):
        addresses("ce.example", 0.1)
    assert time.monotonic() - began < SOON
    never.set()
