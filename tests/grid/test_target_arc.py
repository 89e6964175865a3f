"""Pilots to a real ARC CE (A-REX 7, its REST interface), with a proxy of the test's own authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arckit import access_point, arc_box, come_back
from autopyfactory.factory.probes import Wish
from autopyfactory.why.holds import kind_of
from factorybox import Box, InProcess
from patience import until
from sitekit import looked_at, step
from testbed.arc import ARC
from testbed.authority import Authority
from testbed.condor import Condor
from testbed.pool import Pool

PILOT = '#!/bin/sh\necho "queue=$FACTORYQUEUE cid=$APFCID account=$RUCIO_ACCOUNT words=$1,$2"\n'


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def arc(place: Path, authority: Authority) -> Iterator[ARC]:
    with ARC(place / "arc", authority, ["/DC=test/DC=grid/CN=factory"]) as ce:
        yield ce


@pytest.fixture(scope="module")
def ap(arc: ARC, condor_folder: Condor, place: Path) -> Iterator[Pool]:
    with access_point(arc, condor_folder, place / "ap") as pool:
        yield pool


def box(folder: Path, ap: Pool, arc: ARC, name: str, proxy: bytes, **options: str) -> Box:
    """Return a factory with one queue of 2.4 that sends one pilot to the CE with this proxy."""
    return arc_box(
        folder, ap, arc, name, PILOT, "proxy", proxy,
        plugin="CondorNordugrid",
        **{"executable.arguments": "one two", "nordugridrsl.addenv.RUCIO_ACCOUNT": "pilot", **options},
    )  # fmt: skip


def test_a_pilot_runs_and_its_output_comes_back(
    tmp_path: Path, ap: Pool, arc: ARC, authority: Authority
) -> None:
    asked = {
        "batchsubmit.queue": "fork",
        "batchsubmit.memory": "100",
        "nordugridrsl.walltime": "30",  # minutes
    }
    made = box(tmp_path, ap, arc, "to-arc", authority.proxy(authority.user("factory")), **asked)
    with InProcess(made):
        asked_for = until(arc.descriptions, "the pilot at the CE")  # gone when HTCondor has all it wants
        out = come_back(made)
    assert out.read_text() == f"queue=q1 cid={out.stem} account=pilot words=one,two\n"
    assert "<IndividualPhysicalMemory>100000000</IndividualPhysicalMemory>" in asked_for  # bytes
    assert "<TotalCPUTime>1800</TotalCPUTime><WallTime>1800</WallTime>" in asked_for  # seconds
    assert "<QueueName>fork</QueueName>" in asked_for


def test_a_queue_that_is_not_there_is_told(tmp_path: Path, ap: Pool, arc: ARC, authority: Authority) -> None:
    proxy = authority.proxy(authority.user("factory"))
    made = box(tmp_path, ap, arc, "no-queue", proxy, **{"batchsubmit.queue": "nosuch"})

    def held() -> list[str] | None:
        rows = made.ads("JobStatus", "HoldReason", "HoldReasonCode")
        return next((row for row in rows if row[0] == "5"), None)

    with InProcess(made):
        _, reason, code = until(held, "the pilot to be held")
    assert "Requested queue nosuch" in reason
    assert kind_of(reason, int(code)).code == "batch-refused"


def test_whom_the_ce_does_not_know_it_lets_wait(
    tmp_path: Path, ap: Pool, arc: ARC, authority: Authority
) -> None:
    """HTCondor takes the refusal for a CE that is down: the pilot stays idle, and says since when."""
    made = box(tmp_path, ap, arc, "stranger", authority.proxy(authority.user("stranger")))
    with InProcess(made):
        until(
            lambda: any(row[0].isdigit() for row in made.ads("GridResourceUnavailableTime")),
            "the CE to count as down",
        )
        assert [row[0] for row in made.ads("JobStatus")] == ["1"]


def test_a_look_at_the_site_tells_who_is_let_in(
    tmp_path: Path, ap: Pool, arc: ARC, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`check --online` asks for what only those get whom the CE knows: its information is for everybody."""
    for name, value in {**ap.exports, "X509_CERT_DIR": str(arc.anchors)}.items():
        monkeypatch.setenv(name, value)
    user = authority.user("factory")
    made = box(tmp_path / "good", ap, arc, "look", authority.proxy(user))
    look = looked_at(made)
    assert {s["outcome"] for s in look["steps"]} == {"fine"}, look
    assert "tells us about our jobs" in step(look, "authenticate")["words"]
    stranger = box(tmp_path / "bad", ap, arc, "look", authority.proxy(authority.user("stranger")))
    look = looked_at(stranger)
    assert (look["first_wrong"], look["who"]) == ("authenticate", "credentials"), look
    expired = box(tmp_path / "old", ap, arc, "look", authority.proxy(user, -60))
    look = looked_at(expired)
    assert (look["first_wrong"], look["who"]) == ("credential", "credentials"), look
    assert step(look, "authenticate")["outcome"] == "wrong", look
    assert made.pilots() == 0


def test_probes_tell_who_is_let_in(tmp_path: Path, ap: Pool, arc: ARC, authority: Authority) -> None:
    """ARC's refusal looks like a dead CE to HTCondor: its door is tried, and the credential is to blame."""
    made = box(tmp_path, ap, arc, "arc-probe", authority.proxy(authority.user("factory")))
    for name in ("stranger", "old"):
        made.queues[name] = dict(made.queues["q1"])
        file = made.folder / "credentials" / name
        made.queues[name]["batchsubmit.condornordugrid.proxyfile"] = str(file)
        seconds = -60 if name == "old" else 3600
        user = authority.user("stranger" if name == "stranger" else "factory")
        ap.write_secret(file, authority.proxy(user, seconds))
    made.work({})
    for queue in made.queues.values():
        queue["wmsstatus.file.absent"] = "zero"
        queue["sched.maxtosubmit.maximum"] = "2"
    with InProcess(made) as factory:
        until(lambda: all(q.cycles_run for q in factory.queues.values()), "the queues")
        probes = {name: factory.probes.start(Wish(name, limit=400)) for name in made.queues}
        for name, one in probes.items():
            until(lambda one=one: one.over, f"the end of the probe of {name}", 0.5)
    assert probes["q1"].outcome == "well", probes["q1"].as_data()
    assert [s.name for p in probes["q1"].pilots.values() for s in p.stages][:2] == ["submitted", "at the CE"]
    refused = probes["stranger"].first_wrong
    assert refused is not None
    assert (refused.code, refused.who) == ("ce-refuses", "credentials"), refused
    expired = probes["old"].first_wrong
    assert expired is not None
    assert (expired.stage, expired.who) == ("sending", "credentials"), expired
    assert "expired" in expired.words
