"""Downtimes in the shapes in which OSG topology, GOCDB and CRIC publish them, and what is none of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.sources.downtimeformats import FormatError, Record, read

OSG = b"""<?xml version="1.0" encoding="UTF-8"?>
<Downtimes xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="https://topology.opensciencegrid.org/schema/rgdowntime.xsd">
  <PastDowntimes>
    <Downtime><ID>1</ID><ResourceID>9</ResourceID>
      <ResourceGroup><GroupName>OLD</GroupName><GroupID>1</GroupID></ResourceGroup>
      <ResourceName>OLD_CE</ResourceName><ResourceFQDN>old.example.org</ResourceFQDN>
      <StartTime>Nov 20, 2017 03:00 PM UTC</StartTime><EndTime>Nov 27, 2017 03:00 PM UTC</EndTime>
      <Class>SCHEDULED</Class><Severity>Outage</Severity><UpdateTime>Not Available</UpdateTime>
      <Services><Service><ID>1</ID><Name>CE</Name><Description/></Service></Services>
      <Description>long ago</Description></Downtime>
  </PastDowntimes>
  <CurrentDowntimes>
    <Downtime><ID>1026</ID><ResourceID>56</ResourceID>
      <ResourceGroup><GroupName>AGLT2</GroupName><GroupID>2</GroupID></ResourceGroup>
      <ResourceName>AGLT2_SL6</ResourceName><ResourceFQDN>gate01.aglt2.org</ResourceFQDN>
      <StartTime>Nov 29, 2026 12:30 AM UTC</StartTime><EndTime>Nov 30, 2026 13:00 PM UTC</EndTime>
      <Class>UNSCHEDULED</Class><Severity>Outage</Severity>
      <CreatedTime>Nov 28, 2026 09:00 PM UTC</CreatedTime><UpdateTime>Not Available</UpdateTime>
      <Services><Service><ID>1</ID><Name>CE</Name><Description/></Service></Services>
      <Description>power &amp; cooling</Description></Downtime>
  </CurrentDowntimes>
  <FutureDowntimes>
    <Downtime><ID>1027</ID><ResourceID>57</ResourceID>
      <ResourceGroup><GroupName>AGLT2</GroupName><GroupID>2</GroupID></ResourceGroup>
      <ResourceName>AGLT2_SE</ResourceName><ResourceFQDN>se.aglt2.org</ResourceFQDN>
      <StartTime>Dec 01, 2026 08:00 AM UTC</StartTime><EndTime>Dec 01, 2026 06:00 PM UTC</EndTime>
      <Class>SCHEDULED</Class><Severity>Intermittent Outage</Severity><UpdateTime>Not Available</UpdateTime>
      <Services><Service><ID>2</ID><Name>XRootD component</Name><Description/></Service></Services>
      <Description>disks</Description></Downtime>
  </FutureDowntimes>
</Downtimes>
"""
GOCDB = b"""<?xml version="1.0" encoding="UTF-8"?>
<results>
  <DOWNTIME ID="32578" PRIMARY_KEY="113653G0" CLASSIFICATION="SCHEDULED">
    <PRIMARY_KEY>113653G0</PRIMARY_KEY>
    <HOSTNAME>ce1.example.ac.uk</HOSTNAME>
    <SERVICE_TYPE>org.opensciencegrid.htcondorce</SERVICE_TYPE>
    <ENDPOINT>ce1.example.ac.ukorg.opensciencegrid.htcondorce</ENDPOINT>
    <HOSTED_BY>UKI-EXAMPLE</HOSTED_BY>
    <GOCDB_PORTAL_URL>https://goc.egi.eu/portal/index.php?Page_Type=Downtime&amp;id=32578</GOCDB_PORTAL_URL>
    <AFFECTED_ENDPOINTS/>
    <SEVERITY>OUTAGE</SEVERITY>
    <DESCRIPTION>The service will be down</DESCRIPTION>
    <INSERT_DATE>1795000000</INSERT_DATE>
    <START_DATE>1796083200</START_DATE>
    <END_DATE>1796169600</END_DATE>
    <FORMATED_START_DATE>2026-12-01 00:00</FORMATED_START_DATE>
    <FORMATED_END_DATE>2026-12-02 00:00</FORMATED_END_DATE>
  </DOWNTIME>
  <DOWNTIME ID="32579" PRIMARY_KEY="113654G0" CLASSIFICATION="SCHEDULED">
    <SEVERITY>WARNING</SEVERITY><DESCRIPTION>nested</DESCRIPTION>
    <START_DATE>1796083200</START_DATE><END_DATE>1796169600</END_DATE>
    <SERVICES>
      <SERVICE><HOSTNAME>se1.example.ac.uk</HOSTNAME><SERVICE_TYPE>webdav</SERVICE_TYPE>
        <HOSTED_BY>UKI-EXAMPLE</HOSTED_BY></SERVICE>
      <SERVICE><HOSTNAME>arc1.example.ac.uk</HOSTNAME><SERVICE_TYPE>org.nordugrid.arex</SERVICE_TYPE>
        <HOSTED_BY>UKI-EXAMPLE</HOSTED_BY></SERVICE>
    </SERVICES>
  </DOWNTIME>
</results>
"""
CRIC = b"""{"UKI-EXAMPLE": {"113653": {
  "affected_services": "HTCONDOR-CE, ARC-CE", "classification": "SCHEDULED", "description": "moving",
  "end_time": "2026-12-02T00:00:00", "severity": "OUTAGE", "start_time": "2026-12-01T00:00:00",
  "info_url": "https://example.org", "rc_site": "UKI-EXAMPLE-RC", "provider": "GOCDB"}},
 "STORAGE": {"2": {"affected_services": ["webdav", {"name": "SRM"}], "severity": "OUTAGE",
  "start_time": "2026-12-01T00:00:00", "end_time": "2026-12-02T00:00:00", "rc_site": "STORAGE"}}}"""


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_osg_topology() -> None:
    now, later = read(OSG)
    assert now == Record(
        ("gate01.aglt2.org", "AGLT2_SL6", "AGLT2"), at("2026-11-29T00:30"), at("2026-11-30T13:00"),
        "outage", "power & cooling", True,
    )  # fmt: skip
    assert (later.start, later.end) == (at("2026-12-01T08:00"), at("2026-12-01T18:00"))
    assert (later.severity, later.computing) == ("intermittent outage", False)


def test_gocdb() -> None:
    one, nested = read(GOCDB)
    assert one == Record(
        ("ce1.example.ac.uk", "UKI-EXAMPLE"), at("2026-12-01T00:00"), at("2026-12-02T00:00"),
        "outage", "The service will be down", True,
    )  # fmt: skip
    assert nested.names == ("se1.example.ac.uk", "UKI-EXAMPLE", "arc1.example.ac.uk")
    assert (nested.severity, nested.computing) == ("warning", True)


def test_cric() -> None:
    one, storage = read(CRIC)
    assert one.names == ("UKI-EXAMPLE-RC", "UKI-EXAMPLE")
    assert (one.start, one.end, one.severity, one.computing) == (
        at("2026-12-01T00:00"),
        at("2026-12-02T00:00"),
        "outage",
        True,
    )
    assert not storage.computing
    flat = b'[{"rc_site": "A", "start_time": "2026-12-01T01:00+01:00", "end_time": "2026-12-02"}]'
    (record,) = read(flat)
    assert (record.names, record.start, record.computing) == (("A",), at("2026-12-01T00:00"), True)


@pytest.mark.parametrize("empty", [b"<results></results>", b"<Downtimes/>", b"{}", b"[]"])
def test_no_downtimes(empty: bytes) -> None:
    assert read(empty) == []


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><results>&b;</results>"""
OUTSIDE = (
    b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><results>&a;</results>"""
)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither sound XML nor JSON"),
        (b"<html><body>Service unavailable</body>", "neither sound XML nor JSON"),
        (b"<html><body/></html>", "XML of another kind: <html>"),
        (BOMB, "neither sound XML nor JSON"),
        (OUTSIDE, "neither sound XML nor JSON"),
        (b'{"error": "no such thing"}', "answers with an error: no such thing"),
        (b'{"a": ', "JSON"),
        (b'{"A": {"1": {"start_time": "soon", "end_time": "later"}}}', "none of its 1 records"),
        (b"<results><DOWNTIME><START_DATE>x</START_DATE></DOWNTIME></results>", "none of its 1 records"),
        (b"[1, 2]", "none of its 2 records"),
    ],
)
def test_what_is_none_of_them_is_no_answer(data: bytes, words: str) -> None:
    with pytest.raises(FormatError, match="(?s)" + words):
        read(data)


def test_one_bad_record_costs_no_other() -> None:
    bad = b"<DOWNTIME><HOSTNAME>x</HOSTNAME><START_DATE>9</START_DATE><END_DATE>1</END_DATE></DOWNTIME>"
    assert len(read(GOCDB.replace(b"<results>", b"<results>" + bad))) == 2


@given(st.one_of(st.binary(max_size=200), st.sampled_from([OSG, GOCDB, CRIC]).flatmap(
    lambda whole: st.tuples(st.integers(0, len(whole)), st.binary(max_size=5)).map(
        lambda cut: whole[: cut[0]] + cut[1] + whole[cut[0] + len(cut[1]) :]
    )
)))  # fmt: skip
def test_whatever_comes_is_records_or_an_error(data: bytes) -> None:
    try:
        found = read(data)
    except FormatError:
        return
    assert all(r.start < r.end and r.names and r.start.tzinfo for r in found)
