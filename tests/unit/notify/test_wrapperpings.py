import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.notify.wrapperpings import (
    MAX_PER_HOUR,
    MAX_PER_SECOND,
    PILOTS,
    SENDER_BURST,
    SENDER_RATE,
    SENDERS,
    Limits,
    Listener,
    PingOptions,
    listener,
    parse,
)
from patience import until

# as a wrapper pads it
REAL = b"20251211a  test-factory:17.3 running 0 AGLT2 ce1.example.org unknown 0 http://f.example/17.3.out   "


def test_a_real_ping_is_understood():
    ping = parse(REAL)
    assert (ping.factory, ping.cid, ping.state, ping.seconds) == ("test-factory", "17.3", "running", 0)
    assert (ping.wrapper, ping.queue, ping.ce) == ("20251211a", "AGLT2", "ce1.example.org")
    assert parse(b"v a:b:c:17.0 fault 12.5").factory == "a:b:c"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"v f:17.0 running",
        b"v f:17 running 0",
        b"v 17.0 running 0",
        b"v f:17.0 dancing 0",
        b"v f:17.0 running -1",
        b"v f:17.0 running nan",
        b"v f:17.0 running \xff",
        b"x " * 500,
    ],
)
def test_what_is_no_ping_is_refused(data):
    with pytest.raises(ValueError):
        parse(data)


@given(st.binary(max_size=200))
def test_nothing_else_is_raised(data):
    with contextlib.suppress(ValueError):
        parse(data)


@pytest.fixture
def events():
    return []


@pytest.fixture
def listening(events):
    it = Listener("127.0.0.1:0", "test-factory", events.append)
    yield it
    it.close()


def send(port, *datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in datagrams:
            sock.sendto(datagram, ("127.0.0.1", port))


def test_pings_become_events(listening, events):
    send(
        listening.port,
        REAL,
        REAL.replace(b"running 0", b"exiting 3601"),
        b"junk",
        REAL.replace(b"test-", b"their-"),
    )
    until(lambda: listening.taken + listening.refused + listening.foreign == 4)
    assert (listening.taken, listening.refused, listening.foreign) == (2, 1, 1)
    assert [(e.kind, e.facts["pilot"], e.facts["state"], e.facts["seconds"]) for e in events] == [
        ("ping", "17.3", "running", 0.0),
        ("ping", "17.3", "exiting", 3601.0),
    ]
    assert events[1].text == "pilot 17.3 is exiting after 3601 s"


def ping(number, state=b"running"):
    return b"v test-factory:%d.0 %s 0 Q ce" % (number, state)


def test_a_flood_is_cut(listening, events, monkeypatch):
    monkeypatch.setattr("autopyfactory.notify.wrapperpings.time.monotonic", lambda: 7.0)
    for n in range(MAX_PER_SECOND + 50):
        listening._take(ping(n), f"10.0.0.{n % 200}")
    assert len(events) == MAX_PER_SECOND


def test_one_pilot_and_state_make_one_row(listening, events):
    for _ in range(50):
        listening._take(ping(1), "127.0.0.1")
        listening._take(ping(1, b"exiting"), "127.0.0.1")
    assert [e.facts["state"] for e in events] == ["running", "exiting"]


def test_one_sender_cannot_take_the_place_of_the_others(monkeypatch):
    limits = Limits()
    got = sum(limits.admit(f"{n}.0", "running", "10.0.0.1", n * 0.01) for n in range(6000))  # a minute
    assert got <= SENDER_BURST + 60 * SENDER_RATE + 1
    assert limits.admit("1.1", "running", "10.0.0.2", 60.0)


def test_an_hour_of_all_senders_has_a_limit():
    limits = Limits()
    got = sum(
        limits.admit(f"{n}.0", "running", f"10.{n % 200}.{n // 200 % 250}.1", n / 150) for n in range(200000)
    )
    assert got <= MAX_PER_HOUR
    assert len(limits._seen) <= PILOTS and len(limits._senders) <= SENDERS


@pytest.mark.parametrize("field", [b"v" * 101 + b" f:1.0 running 0", b"v f:1.0 running 0 " + b"q" * 101])
def test_long_fields_are_refused(field):
    with pytest.raises(ValueError, match="too long"):
        parse(field)


@pytest.mark.parametrize(
    "data", [b"\x1b[2J f:1.0 running 0", b"v f\x07:1.0 running 0", b"v f:1.0 running 0 q\x00"]
)
def test_control_characters_are_refused(data):
    with pytest.raises(ValueError):
        parse(data)


@pytest.mark.parametrize("address", ["0.0.0.0:1", "192.0.2.1:9", "host.example.org:9", "[::]:9"])
def test_other_machines_are_heard_only_when_that_is_said(address):
    with pytest.raises(ValueError, match=r"pings\.remote"):
        PingOptions(listen=address)
    assert PingOptions(listen=address, remote=True).listen == address


@pytest.mark.parametrize("address", ["127.0.0.1:1", "localhost:1", "[::1]:1", "127.3.2.1:1"])
def test_this_machine_is_heard(address):
    assert PingOptions(listen=address).listen == address


def test_an_address_that_is_taken_stops_nothing(listening, caplog):
    options = PingOptions(listen=f"127.0.0.1:{listening.port}")
    assert listener(options, "f", print) is None
    assert "no pings are taken" in caplog.text
    assert listener(PingOptions(), "f", print) is None
