"""Reports of wrappers over HTTP: proven, bounded, and told in the history."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import stat
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.record import Event, FactoryEvent
from autopyfactory.model.reporttoken import mint
from autopyfactory.notify import pilotreports
from autopyfactory.notify.pilotreports import (
    CONNECTIONS,
    KEY,
    MAX_BYTES,
    Listener,
    ReportOptions,
    event,
    key,
    key_for,
    listener,
    parse,
)
from patience import PATIENCE, until

SECRET = b"s" * 32
GOLDEN = json.loads(
    (Path(__file__).parents[2] / "data/wrapper/summary.golden").read_text().removeprefix("APF-SUMMARY ")
)


def body(tag: str = "t", proc: int = 3, **more: Any) -> bytes:
    token = mint(SECRET, tag, proc, time.time() + 60)
    said = {"token": token, "state": "started", "pilot": f"17.{proc}", "seconds": 4, "host": "node7", **more}
    return json.dumps(said).encode()


def test_a_report_is_read() -> None:
    said = parse(body(state="exiting", summary=GOLDEN), SECRET, time.time())
    assert (said.tag, said.proc, said.pilot, said.state, said.seconds, said.host) == (
        "t", 3, "17.3", "exiting", 4, "node7",
    )  # fmt: skip
    assert said.summary is not None and said.summary.exit == GOLDEN["exit"]
    told = event(said, "Q")
    assert (told.kind, told.queue, told.facts["exit"], told.facts["outcome"]) == (
        "ping", "Q", GOLDEN["exit"], GOLDEN["outcome"],
    )  # fmt: skip
    assert told.text.startswith("pilot 17.3 is exiting after 4 s on node7: ")


def test_the_check_that_kept_a_pilot_from_running_is_named() -> None:
    bad = {"name": "cvmfs", "result": "hung", "ms": 9, "reason": "no end after 25 s"}
    end = {"schema": 1, "exit": 18, "outcome": "unfit", "reason": "cvmfs", "checks": [bad]}
    told = event(parse(body(state="exiting", summary=end), SECRET, time.time()), None)
    assert told.text.endswith("unfit, cvmfs, exit code 18 (check cvmfs: no end after 25 s)")
    assert told.facts["check"] == "cvmfs"


@pytest.mark.parametrize("more", [
    {"state": "dancing"}, {"seconds": -1}, {"seconds": 1.5}, {"seconds": True}, {"pilot": "17.4"},
    {"pilot": "17"}, {"pilot": "x.3"}, {"pilot": "-1.3"}, {"pilot": None},
    {"pilot": "1234567890123.3"}, {"pilot": "\u0663.3"},
])  # fmt: skip
def test_what_is_no_report_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        parse(body(**more), SECRET, time.time())


@pytest.mark.parametrize("token", ["", "x", mint(b"other" * 7, "t", 3, 9e9), mint(SECRET, "t", 3, 5.0)])
def test_without_a_good_token_nothing_is_told(token: str) -> None:
    with pytest.raises(PermissionError):
        parse(body(token=token), SECRET, time.time())


@given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode), st.just(b"[" * 3000)))
def test_nothing_else_is_raised(data: bytes) -> None:
    with contextlib.suppress(ValueError, PermissionError, RecursionError):
        parse(data, SECRET, 0.0)


# --- the key -----------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_the_owners_alone(tmp_path: Path) -> None:
    first = key(tmp_path)
    assert key(tmp_path) == first and len(first) == 32
    assert stat.S_IMODE((tmp_path / KEY).stat().st_mode) == 0o600
    assert key_for(ReportOptions(), tmp_path) is None
    assert key_for(ReportOptions(listen="127.0.0.1:0"), tmp_path) == first


def test_without_a_place_for_the_key_there_are_no_reports(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert key_for(ReportOptions(listen="127.0.0.1:0"), tmp_path / "nothing") is None
    assert "no reports are taken" in caplog.text


# --- over the network --------------------------------------------------------------------------------------


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def listening(events: list[Event]) -> Iterator[Listener]:
    it = Listener("127.0.0.1:0", SECRET, events.append, {"t": "Q"}.get)
    yield it
    it.close()


def post(it: Listener, data: bytes, method: str = "POST", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", it.port, timeout=PATIENCE)
    try:
        connection.request(method, "/", data, headers)
        answer = connection.getresponse()
        assert answer.read() == b"" or method != "POST"
        return answer.status
    finally:
        connection.close()


def test_reports_become_events_once(listening: Listener, events: list[Event]) -> None:
    assert post(listening, body()) == 204
    assert post(listening, body()) == 429
    assert post(listening, body(pilot="18.3")) == 429  # whatever number it says it has
    assert post(listening, body(state="exiting", summary=GOLDEN)) == 204
    assert post(listening, body(tag="u")) == 204
    assert (listening.taken, listening.refused) == (3, 2)
    told = [e for e in events if isinstance(e, FactoryEvent)]
    assert [(e.kind, e.queue, e.facts["state"], e.facts["submission"]) for e in told] == [
        ("ping", "Q", "started", "t"),
        ("ping", "Q", "exiting", "t"),
        ("ping", None, "started", "u"),
    ]


def test_strangers_and_junk_are_turned_away(listening: Listener, events: list[Event]) -> None:
    assert post(listening, body(token="x")) == 403
    assert post(listening, b"junk") == 400
    assert post(listening, body(summary="x" * MAX_BYTES)) == 413
    assert post(listening, b"x", **{"Transfer-Encoding": "chunked"}) in (400, 411)
    assert post(listening, b"", method="GET") == 501
    assert not events


def test_it_tells_the_time(listening: Listener) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", listening.port, timeout=PATIENCE)
    connection.request("HEAD", "/")
    answer = connection.getresponse()
    connection.close()
    assert abs(parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()) < PATIENCE
    assert answer.headers["Server"] is None  # nobody needs to know what we run


def test_slow_ones_are_ended_and_others_served(
    listening: Listener, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as there is room for send nothing, or a byte now and then; then there is room again."""
    monkeypatch.setattr(pilotreports, "SECONDS", 3.0)
    slow = [socket.create_connection(("127.0.0.1", listening.port), PATIENCE) for _ in range(CONNECTIONS)]
    try:
        for one in slow:
            one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")

        def served() -> bool:
            for one in slow:
                with contextlib.suppress(OSError):
                    one.send(b" ")
            try:
                return post(listening, body()) == 204
            except (OSError, http.client.HTTPException):
                return False  # no room yet

        until(served)
    finally:
        for one in slow:
            one.close()
    assert len(events) == 1


def test_more_connections_than_that_are_closed_unseen(
    listening: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pilotreports, "PER_SECOND", 0.0)
    listening._server._allowance = 3.0
    answers = []
    for proc in range(6):
        try:
            answers.append(post(listening, body(proc=proc)))
        except (OSError, http.client.HTTPException):
            answers.append(0)
    assert answers == [204, 204, 204, 0, 0, 0]
    assert listening.cut == 3


def test_an_address_that_is_taken_stops_nothing(
    listening: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    options = ReportOptions(listen=f"127.0.0.1:{listening.port}")
    assert listener(options, SECRET, lambda e: None) is None
    assert "no reports are taken" in caplog.text
    assert listener(ReportOptions(), SECRET, lambda e: None) is None


def test_it_ends_at_once(events: list[Event]) -> None:
    it = Listener("127.0.0.1:0", SECRET, events.append)
    with socket.create_connection(("127.0.0.1", it.port), PATIENCE) as idle:
        began = time.monotonic()
        it.close()
        assert time.monotonic() - began < PATIENCE / 2
        assert idle


@pytest.mark.parametrize("kind", ["Thread", "Timer"])
def test_without_threads_a_connection_is_closed_and_its_place_is_free_again(
    listening: Listener, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def none_left(self: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(getattr(threading, kind), "start", none_left)
        for _ in range(CONNECTIONS + 1):
            with socket.create_connection(("127.0.0.1", listening.port), PATIENCE) as one:
                assert one.recv(1) == b""
    assert post(listening, body()) == 204
