from ipaddress import IPv6Address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from autopyfactory.model.hostport import HIGHEST_PORT, HostPort, checked, parse, parse_endpoint


@pytest.mark.parametrize(
    ("text", "host", "port", "again"),
    [
        ("ce.example.org", "ce.example.org", None, "ce.example.org"),
        (" ce.example.org:9619 ", "ce.example.org", 9619, "ce.example.org:9619"),
        ("CE_1-a:1", "CE_1-a", 1, "CE_1-a:1"),
        ("127.0.0.1:9618", "127.0.0.1", 9618, "127.0.0.1:9618"),
        ("2001:db8::1", "2001:db8::1", None, "[2001:db8::1]"),
        ("[2001:db8::1]", "2001:db8::1", None, "[2001:db8::1]"),
        ("[2001:db8::1]:9619", "2001:db8::1", 9619, "[2001:db8::1]:9619"),
        ("::1", "::1", None, "[::1]"),
        ("host:0", "host", 0, "host:0"),
        ("host:65535", "host", 65535, "host:65535"),
        ("host:0009619", "host", 9619, "host:9619"),
        ("host:" + "0" * 5000 + "1", "host", 1, "host:1"),
    ],
)
def test_what_is_understood(text: str, host: str, port: int | None, again: str) -> None:
    place = parse(text)
    assert (place.host, place.port, str(place)) == (host, port, again)
    assert parse(again) == place
    assert parse_endpoint(text) == place


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no host is named"),
        ("  ", "no host is named"),
        (":9619", "no name or address of a host"),
        ("https://ce/", "is a URL: only host or host:port"),
        ("host:", "no port after it"),
        ("host:99999", "'99999' is not a port"),
        ("host:65536", "'65536' is not a port"),
        ("host:000000099999", "'000000099999' is not a port"),
        ("host:" + "0" * 9 + "9" * 5000, "is not a port"),
        ("[::1]:65536", "'65536' is not a port"),
        ("host:-1", "'-1' is not a port"),
        ("host:9619x", "is not a port"),
        ("host:٣", "is not a port"),
        ("host:" + "9" * 5000, "is not a port"),
        ("a,b", "more than one host"),
        ("a b", "more than one host"),
        ("host/jobmanager-x", "a gatekeeper's batch system"),
        ("host:2119/jobmanager-pbs", "a gatekeeper's batch system"),
        ("host/path", "a path"),
        ("a:1:2", "several colons"),
        ("2001:db8::1::9619", "several colons"),
        ("[2001:db8::1", "not an IPv6 address in brackets"),
        ("[2001:db8::1]9619", "not an IPv6 address in brackets"),
        ("[ce.example.org]:1", "not an IPv6 address in brackets"),
        ("[fe80::1%eth0]", "not an IPv6 address in brackets"),
        ("fe80::1%eth0", "several colons"),
        ("-x", "no name or address"),
        ("ce..org", "no name or address"),
        ("ce\x00", "no name or address"),
        ("a" * 254, "no name or address"),
    ],
)
def test_what_is_refused_says_why(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        parse(text)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("https://ce.example.org/arex", HostPort("ce.example.org")),
        ("https://ce.example.org:8443", HostPort("ce.example.org", 8443)),
        ("https://[2001:db8::1]:443/x?y", HostPort("2001:db8::1", 443)),
        ("condor://ce:9619#x", HostPort("ce", 9619)),
    ],
)
def test_an_endpoint_may_be_a_url(text: str, place: HostPort) -> None:
    assert parse_endpoint(text) == place


@pytest.mark.parametrize("text", ["https://me@ce/", "https:///x", "https://ce:x/", "ce:9619/x"])
def test_an_endpoint_without_a_clear_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_endpoint(text)


def test_ports_by_default() -> None:
    assert parse("ce").port_or(9619) == 9619
    assert parse("ce:1").port_or(9619) == 1
    assert str(parse("::1").or_port(9619)) == "[::1]:9619"
    assert str(parse("ce:1").or_port(9619)) == "ce:1"


def test_an_option_that_is_empty_is_not_set() -> None:
    assert checked(" ") == ""
    assert checked(" ce:1 ") == "ce:1"


@given(st.text(max_size=80))
@example("[" * 80)
@example("a." * 40)
def test_any_text_is_understood_the_same_again_or_refused(text: str) -> None:
    try:
        place = parse(text)
    except ValueError:
        return
    assert parse(str(place)) == place
    assert not set(place.host) & set(" ,/@[]\n\t?#")


@given(st.integers(0, 10**12), st.integers(0, 12), st.sampled_from(["ce.example.org", "127.0.0.1", "[::1]"]))
def test_a_port_is_a_port_however_many_zeros_lead(port: int, zeros: int, host: str) -> None:
    text = f"{host}:{'0' * zeros}{port}"
    if port <= HIGHEST_PORT:
        assert parse(text).port == port
    else:
        with pytest.raises(ValueError, match="is not a port"):
            parse(text)


@given(st.ip_addresses(v=6), st.none() | st.integers(0, HIGHEST_PORT))
def test_every_ipv6_address_comes_back_in_brackets(address: IPv6Address, port: int | None) -> None:
    place = HostPort(str(address).partition("%")[0], port)
    assert parse(str(place)) == place
    assert str(place).startswith("[")
    assert parse_endpoint(f"https://{place}/arex") == place


def test_a_label_may_hold_an_underscore_and_neither_begin_nor_end_with_a_hyphen() -> None:
    assert parse("my_ce.example.org").host == "my_ce.example.org"
    for bad in ("ce-.example.org", "-ce.example.org", "ce.-example.org", ".ce", "ce.", "ce..org", "cé.org"):
        with pytest.raises(ValueError, match="no name or address"):
            parse(bad)
