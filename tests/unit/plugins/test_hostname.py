"""A name service that hangs costs a start some seconds, and cycles nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from autopyfactory.plugins import hostname
from patience import SOON


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    hostname._asked.cache_clear()
    yield
    hostname._asked.cache_clear()


def test_the_full_name_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = iter(["factory.example.org", "other.example.org"])
    monkeypatch.setattr(socket, "getfqdn", lambda: next(names))
    assert [hostname.host_name(), hostname.host_name()] == ["factory.example.org"] * 2


def test_the_short_name_serves_when_the_name_service_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    monkeypatch.setattr(hostname, "LIMIT", 0.1)
    monkeypatch.setattr(socket, "getfqdn", lambda: never.wait() and "late.example.org")
    began = time.monotonic()
    assert hostname.host_name() == socket.gethostname()
    assert time.monotonic() - began < SOON
    never.set()


def test_all_who_ask_at_once_wait_for_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    again = threading.Event()

    def full() -> str:
        asked.append(1)
        if len(asked) > 1:
            again.set()
        again.wait(0.2)
        return f"number{len(asked)}.example.org"

    monkeypatch.setattr(socket, "getfqdn", full)
    heard: list[str] = []
    threads = [threading.Thread(target=lambda: heard.append(hostname.host_name())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert heard == ["number1.example.org"] * 2
