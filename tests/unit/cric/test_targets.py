"""From a CE to the keys of a queue: units by hand, from CRIC's (MB, s, min) to those of HTCondor-CE."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.cric import records, targets
from autopyfactory.cric.records import BadRecord
from autopyfactory.plugins.batchsubmit.condorarc import CondorARC

CONDOR = "batchsubmit.condorce"
ATTRIBUTES = f"{CONDOR}.condor_attributes."


def record(**given: Any) -> records.Record:
    return records.record({"X": {"queues": [], **given}}, "X")


def ce(endpoint: str = "ce.example.org", flavour: str = "HTCONDOR-CE", **given: Any) -> records.CE:
    return records.ce({"ce_endpoint": endpoint, "ce_flavour": flavour, **given})


def target(r: records.Record, c: records.CE, **defaults: str) -> dict[str, str]:
    return targets.target(r, c, ("CondorCE", "CondorARC"), defaults)


@pytest.mark.parametrize(
    ("flavour", "endpoint", "port"),
    [
        ("HTCONDOR-CE", "ce", 9619),
        ("HTCONDOR-CE", "ce:9620", 9620),
        ("ARC-CE", "ce", 443),
        ("ARC-CE", "https://ce:8443/arex", 8443),
        ("ARC-CE", "ce:2811", 443),  # GridFTP is gone, REST is on the same host
        ("HTCONDOR-CE", "ce:2811", 2811),
    ],
)
def test_ports(flavour: str, endpoint: str, port: int) -> None:
    assert targets.port(ce(endpoint, flavour)) == port


@pytest.mark.parametrize(
    ("given", "cores"),
    [
        ({}, 1),
        ({"corecount": 0}, 1),
        ({"corecount": 8}, 8),
        ({"corecount": 8, "special_par": "(xcount=4)"}, 4),
        ({"corecount": 8, "special_par": "(xcount=0)"}, 8),
        ({"special_par": "(xcount=)"}, 1),
    ],
)
def test_cores(given: dict[str, Any], cores: int) -> None:
    assert targets.cores(record(**given)) == cores


@pytest.mark.parametrize(
    ("seconds", "ce_minutes", "special", "minutes"),
    [
        (0, 0, "", 0),
        (59, 0, "", 0),  # less than a minute is no limit that can be told
        (3600, 0, "", 60),
        (3659, 0, "", 60),
        (0, 90, "", 90),
        (3600, 90, "", 60),
        (7200, 90, "", 90),
        (7200, 90, "(maxWallTime=2880)", 2880),
        (7200, 90, "(maxWallTime=0)", 90),
    ],
)
def test_wall_time_in_minutes(seconds: int, ce_minutes: int, special: str, minutes: int) -> None:
    r = record(maxtime=seconds, special_par=special)
    assert targets.wall_minutes(r, ce(ce_queue_maxwctime=ce_minutes)) == minutes


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_pilot_never_runs_longer_than_both_allow(seconds: int, ce_minutes: int) -> None:
    minutes = targets.wall_minutes(record(maxtime=seconds), ce(ce_queue_maxwctime=ce_minutes))
    assert not seconds >= 60 or minutes * 60 <= seconds
    assert not ce_minutes or minutes <= ce_minutes
    assert minutes or (seconds < 60 and not ce_minutes)


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "٣", "1" * 10, "0x8", "8 MB"])
@pytest.mark.parametrize("key", ["xcount", "maxWallTime"])
def test_a_special_number_that_is_none_is_named(key: str, text: str) -> None:
    r = record(special_par=f"({key}={text})")
    with pytest.raises(BadRecord, match=f"special_par: {key.lower()} is"):
        target(r, ce())


@pytest.mark.parametrize(
    ("special", "queue", "name"),
    [
        ("", "", ""),
        ("", "default", ""),
        ("", "grid", "grid"),
        ("(queue=long)", "grid", "long"),
        ("(queue=default)", "grid", ""),
    ],
)
def test_the_queue_of_a_ce(special: str, queue: str, name: str) -> None:
    assert targets.queue_name(record(special_par=special), ce(ce_queue_name=queue)) == name


def test_a_condor_ce_by_hand() -> None:
    r = record(corecount=8, maxrss=16000, maxtime=172800, type="unified")
    assert target(r, ce("CE.example.org:9620", ce_queue_name="grid")) == {
        "batchsubmitplugin": "CondorCE",
        f"{CONDOR}.gridresource": "ce.example.org",
        f"{CONDOR}.port": "9620",
        f"{ATTRIBUTES}+xcount": "8",
        f"{ATTRIBUTES}+voactivity": '"unified"',
        f"{ATTRIBUTES}+maxMemory": "16000",  # MB of the whole pilot
        f"{ATTRIBUTES}+remote_queue": '"grid"',
        f"{ATTRIBUTES}+maxWallTime": "2880",  # min
        f"{ATTRIBUTES}periodic_remove": "JobStatus == 2 && (time() - EnteredCurrentStatus) > 604800",
    }


def test_an_arc_ce_by_hand() -> None:
    r = record(maxtime=172800, special_par="(queue=long)")
    assert target(r, ce("arc.example.org:2811", "ARC-CE")) == {
        "batchsubmitplugin": "CondorARC",
        "batchsubmit.condorarc.gridresource": "https://arc.example.org:443",
        "batchsubmit.condorarc.rte": "ENV/PROXY",
        "batchsubmit.walltime": "2880",
        "batchsubmit.queue": "long",
    }
    assert CondorARC.Options  # the plugin that these keys are for


@pytest.mark.parametrize("flavour", ["HTCONDOR-CE", "ARC-CE"])
def test_an_address_of_six_bytes_stands_in_brackets(flavour: str) -> None:
    keys = target(record(), ce("[2001:db8::1]:9000", flavour))
    (resource,) = [v for k, v in keys.items() if k.endswith("gridresource")]
    assert resource.removeprefix("https://") == "[2001:db8::1]:9000"


@pytest.mark.parametrize(
    "key",
    [
        "batchsubmit.condorce.condor_attributes.periodic_remove",
        "batchsubmit.condorbase.condor_attributes.Periodic_Remove",
    ],
)
def test_a_removal_of_the_defaults_file_replaces_ours(key: str) -> None:
    keys = targets.target(record(), ce(), ("CondorCE",), {key: "JobStatus == 5"})
    assert f"{ATTRIBUTES}periodic_remove" not in keys


@pytest.mark.parametrize("flavour", sorted(targets.GONE))
def test_what_nothing_speaks_any_more_is_said_by_name(flavour: str) -> None:
    with pytest.raises(BadRecord, match=f"{flavour}: nothing speaks that any more"):
        target(record(), ce(flavour=flavour))


def test_other_flavours_are_unknown_and_arc_needs_its_plugin() -> None:
    with pytest.raises(BadRecord, match="unknown: 'slurm'"):
        target(record(), ce(flavour="SLURM"))
    with pytest.raises(BadRecord, match="unknown: ''"):
        target(record(), ce(flavour=""))
    with pytest.raises(BadRecord, match="until the plugin CondorARC is installed"):
        targets.target(record(), ce(flavour="ARC-CE"), ("CondorCE",), {})


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")), max_size=30))
def test_a_text_of_cric_stays_within_its_string(text: str) -> None:
    keys = target(record(type=text), ce())
    value = keys[f"{ATTRIBUTES}+voactivity"]
    assert value[0] == value[-1] == '"'
    assert not re.search(r'(?<!\\)"', value[1:-1])
