"""CRIC's file, field by field: what is understood, and what costs one record, one CE, or the file."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.cric import records
from autopyfactory.cric.records import BadRecord

LEAST: dict[str, Any] = {"queues": []}


def record(**given: Any) -> records.Record:
    return records.record({"X": {**LEAST, **given}}, "X")


def ce(**given: Any) -> records.CE:
    return records.ce({"ce_endpoint": "ce.example.org", **given})


def test_what_is_not_told_is_empty_or_0() -> None:
    got = record()
    assert (got.name, got.panda_resource, got.vo, got.status, got.virtual) == ("X", "X", "", "", False)
    assert (got.cores, got.memory_mb, got.max_seconds, got.special, got.queues) == (0, 0, 0, {}, ())
    entry = ce()
    assert (entry.host, entry.port, entry.flavour, entry.queue) == ("ce.example.org", None, "", "")
    assert (entry.queue_status, entry.state, entry.status, entry.max_minutes) == ("", "", "", 0)


@pytest.mark.parametrize(
    ("given", "resource"),
    [
        ({}, "X"),
        ({"nickname": "nick"}, "nick"),
        ({"nickname": "nick", "panda_resource": "res"}, "res"),
        ({"nickname": "nick", "panda_resource": ""}, "nick"),
        ({"nickname": None, "panda_resource": "None"}, "X"),
        ({"panda_resource": " res "}, "res"),
    ],
)
def test_what_panda_calls_it(given: dict[str, Any], resource: str) -> None:
    assert record(**given).panda_resource == resource


NUMBERS = {"corecount": "cores", "maxrss": "memory_mb", "maxtime": "max_seconds"}


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (8, 8),
        ("8", 8),
        ("008", 8),
        (8.0, 8),
        (None, 0),
        ("", 0),
        ("None", 0),
        (10**12 - 1, 10**12 - 1),
    ],
)
def test_numbers_however_they_are_spelt(key: str, value: Any, number: int) -> None:
    assert getattr(record(**{key: value}), NUMBERS[key]) == number


@pytest.mark.parametrize("key", NUMBERS)
@pytest.mark.parametrize(
    "value",
    [-1, "-1", 8.5, "8.5", "8 ", "0x8", "٨", True, False, [], {}, 10**12, "9" * 14, "9" * 5000, 1e300],
)
def test_what_is_no_number_costs_the_record_and_is_named(key: str, value: Any) -> None:
    with pytest.raises(BadRecord, match=key) as raised:
        record(**{key: value})
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize("value", [True, 1, "true", "True", None, False, [1]])
def test_only_true_is_virtual(value: Any) -> None:
    assert record(is_virtual=value).virtual is (value is True)


@pytest.mark.parametrize(
    ("text", "special"),
    [
        ("", {}),
        ("(queue=long)", {"queue": "long"}),
        ("(xcount=8)(maxWallTime = 2880)", {"xcount": "8", "maxwalltime": "2880"}),
        ("( xcount = 8 ) text (queue=a b)", {"xcount": "8", "queue": "a b"}),
        ("(queue=)", {"queue": ""}),
        ("queue=long", {}),
        ("(queue=long", {}),
        ("(QUEUE=a)(queue=b)", {"queue": "b"}),
    ],
)
def test_special_par(text: str, special: dict[str, str]) -> None:
    assert record(special_par=text).special == special


@pytest.mark.parametrize("key", ["vo_name", "cloud", "status"])
@pytest.mark.parametrize("text", ["a b", "%(x)s", "a/b", "a]b", "é", "a;b", "a=b", "x" * 201])
def test_what_other_keys_may_refer_to_is_a_plain_name(key: str, text: str) -> None:
    with pytest.raises(BadRecord, match=key):
        record(**{key: text})
    assert record(**{key: "a_b.c-d+1"})


@pytest.mark.parametrize("name", ["", "a b", "a]", "a\n", "%(x)s", "x" * 201, "a/b", "a\x00"])
def test_a_name_that_no_section_can_have(name: str) -> None:
    with pytest.raises(BadRecord):
        records.record({name: LEAST}, name)


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        ("CE.Example.ORG", "ce.example.org", None),
        ("ce:9619", "ce", 9619),
        ("https://ce:8443/arex", "ce", 8443),
        ("https://ce/arex", "ce", None),
        ("[2001:DB8::1]:9619", "2001:db8::1", 9619),
        (" ce:9619 ", "ce", 9619),
    ],
)
def test_endpoints(endpoint: str, host: str, port: int | None) -> None:
    entry = ce(ce_endpoint=endpoint)
    assert (entry.host, entry.port) == (host, port)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"ce_endpoint": None}, "it has no ce_endpoint"),
        ({"ce_endpoint": ""}, "it has no ce_endpoint"),
        ({"ce_endpoint": "a b"}, "ce_endpoint: 'a b' is more than one host"),
        ({"ce_endpoint": "ce:99999"}, "ce_endpoint: '99999' is not a port"),
        ({"ce_endpoint": "https://me@ce/"}, "ce_endpoint: a user in the URL"),
        ({"ce_endpoint": 7}, "ce_endpoint is '7', not a text"),
        ({"ce_queue_name": "a b"}, "the name of its queue cannot be used: 'a b'"),
        ({"ce_queue_name": '"; x'}, "the name of its queue cannot be used"),
        ({"ce_queue_maxwctime": "long"}, "ce_queue_maxwctime is 'long'"),
        ({"ce_flavour": ["arc"]}, "ce_flavour is"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(given: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecord) as raised:
        ce(**given)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("data", [None, [], "ce", 7])
def test_what_is_no_entry_and_no_record(data: Any) -> None:
    with pytest.raises(BadRecord, match="not a CE"):
        records.ce(data)
    with pytest.raises(BadRecord, match="not a record"):
        records.record({"X": data}, "X")


def test_states_are_compared_in_small_letters() -> None:
    entry = ce(ce_flavour="HTCONDOR-CE", ce_state="ACTIVE", ce_status="Production", ce_queue_status="TEST")
    assert (entry.flavour, entry.state, entry.status) == ("htcondor-ce", "active", "production")
    assert entry.queue_status == "test"


def test_of_a_record_only_what_is_used_is_kept() -> None:
    text = {
        "X": {
            "queues": [{"ce_endpoint": "ce", "ce_huge": "y" * 1000}],
            "releases": ["z"] * 100,
            "cloud": "US",
        }
    }
    assert records.parse(json.dumps(text).encode()) == {
        "X": {"queues": [{"ce_endpoint": "ce"}], "cloud": "US"}
    }


def test_keys_that_come_twice_are_told_whichever_is_kept() -> None:
    file = b'{"X": {"queues": [], "maxrss": 1, "maxrss": 2}, "Y": {"queues": []}, "Y": {"queues": []}}'
    raw = records.parse(file)
    assert list(records.names(raw)) == ["X", "Y"]
    with pytest.raises(BadRecord, match="it says 'maxrss' twice"):
        records.record(raw, "X")
    with pytest.raises(BadRecord, match="two records of this name"):
        records.record(raw, "Y")
    entry = records.parse(b'{"X": {"queues": [{"ce_endpoint": "a", "ce_endpoint": "b"}]}}')["X"]["queues"][0]
    with pytest.raises(BadRecord, match="'ce_endpoint' twice"):
        records.ce(entry)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", r"."),
        (b"[]", "not an object"),
        (b"7", "not an object"),
        (b"{}", "not a single PanDA queue"),
        (b'{"error": "no"}', r"no record of a PanDA queue in it \(keys: error\)"),
        (b'{"X": {"a": 1}}', "no record"),
        (b'{"X": NaN}', r"."),
        (b"\xff\xfe{}", r"."),
        (b"<html>", r"."),
        (b'{"X": {"queues": []}', r"."),
        (b"[" * 100_000, r"."),
    ],
)
def test_a_file_of_something_else(data: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        records.parse(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inside: st.lists(inside, max_size=2) | st.dictionaries(st.text(max_size=4), inside, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(records.RECORD_KEYS)), values))
def test_any_values_give_a_sound_record_or_a_bad_one(given: dict[str, Any]) -> None:
    try:
        got = record(**given)
    except BadRecord as err:
        assert len(str(err)) < 300
        return
    for text in (got.vo, got.cloud, got.status, got.region, got.type, got.panda_resource):
        text.encode()
        assert "\n" not in text
    assert min(got.cores, got.memory_mb, got.max_seconds) >= 0


@given(st.dictionaries(st.sampled_from(sorted(records.CE_KEYS)), values))
def test_any_values_give_a_sound_ce_or_a_bad_one(given: dict[str, Any]) -> None:
    try:
        got = records.ce(given)
    except BadRecord as err:
        assert len(str(err)) < 300
        return
    assert got.host
    assert got.max_minutes >= 0
    assert "\n" not in got.queue_id + got.queue + got.flavour
