"""Pilots to a real ARC CE (A-REX 7, its REST interface) that knows them by their tokens alone.

It has the issuer's key beforehand, as `arcctl deploy jwt-issuer` brings it; what judges tokens is its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from arckit import access_point, arc_box, come_back
from autopyfactory.api.live import live_state
from autopyfactory.why.explain import explain
from factorybox import Box, InProcess
from patience import until
from sitekit import looked_at, step
from testbed.arc import ARC
from testbed.authority import Authority
from testbed.condor import Condor
from testbed.issuer import Issuer
from testbed.pool import Pool

PILOT = '#!/bin/sh\necho "queue=$FACTORYQUEUE cid=$APFCID words=$1,$2"\n'
SUBJECT = "pilot"
SCOPE = "compute.read compute.create compute.modify compute.cancel"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def arc(place: Path, authority: Authority, issuer: Issuer) -> Iterator[ARC]:
    with ARC(place / "arc", authority, issuer=issuer) as ce:
        yield ce


@pytest.fixture(scope="module")
def ap(arc: ARC, condor_folder: Condor, place: Path) -> Iterator[Pool]:
    with access_point(arc, condor_folder, place / "ap") as pool:
        yield pool


def box(folder: Path, ap: Pool, arc: ARC, name: str, token: str, **options: str) -> Box:
    """Return a factory with one queue that sends one pilot to the CE with this token."""
    asked = {"executable.arguments": "one two", "batchsubmit.queue": "fork", **options}
    return arc_box(folder, ap, arc, name, PILOT, "token", token + "\n", **asked)


def test_a_token_takes_a_pilot_there_and_its_output_comes_back(
    tmp_path: Path, ap: Pool, arc: ARC, issuer: Issuer
) -> None:
    made = box(tmp_path, ap, arc, "to-arc", issuer.token(SUBJECT, arc.url, scope=SCOPE))
    with InProcess(made):
        out = come_back(made)
    assert out.read_text() == f"queue=q1 cid={out.stem} words=one,two\n"


def wrong(issuer: Issuer, arc: ARC) -> dict[str, str]:
    """Return tokens that are wrong in one way each."""
    return {
        "subject": issuer.token("stranger", arc.url, scope=SCOPE),
        "audience": issuer.token(SUBJECT, "https://another.example.org/arex", scope=SCOPE),
        "scope": issuer.token(SUBJECT, arc.url, scope="compute.read compute.cancel"),
        "expired": issuer.token(SUBJECT, arc.url, -60, scope=SCOPE),
        "forged": Issuer().token(SUBJECT, arc.url, scope=SCOPE),  # another key of the same name
    }


def test_tokens_that_are_wrong_let_pilots_wait(tmp_path: Path, ap: Pool, arc: ARC, issuer: Issuer) -> None:
    """HTCondor takes the refusal for a CE that is down; the factory says that it answers, and refuses.

    What is expired we see ourselves: it is not even sent.
    """
    tokens = wrong(issuer, arc)
    made = box(tmp_path, ap, arc, "wrong", "none")
    pattern = made.queues.pop("q1")
    for name, token in tokens.items():
        file = made.folder / "credentials" / name
        ap.write_secret(file, token + "\n")
        made.queues[name] = {**pattern, "wmsqueue": name, "batchsubmit.condorarc.tokenfile": str(file)}
    made.work(dict.fromkeys(tokens, 1))
    with InProcess(made) as factory:

        def waiting() -> set[str]:
            rows = made.ads("MATCH_APF_QUEUE", "JobStatus", "GridResourceUnavailableTime")
            return {queue for queue, status, since in rows if status == "1" and since.isdigit()}

        sent = tokens.keys() - {"expired"}
        until(lambda: waiting() == sent, "the CE to count as down for all")
        assert not [row for row in made.ads("GridJobId") if row != ["undefined"]], "none got in"
        told: dict[str, tuple[str, ...]] = {}

        def all_told() -> bool:
            for name in tokens.keys() - told.keys():
                record = factory.queues[name].last
                story = explain([record] if record else [], live_state(factory, name, ask=20))
                if {"credential-refused", "ce-refuses", "credential"} & set(story.codes):
                    told[name] = story.codes
            return told.keys() == tokens.keys()

        until(all_told, "each refusal in why", 1)
    assert "credential" in told["expired"], told
    assert not [codes for name, codes in told.items() if name in sent and "credential" in codes], told
    assert made.pilots("expired") == 0
    assert not any(f.stat().st_size for f in made.folder.glob("pilots/*/*/*.out"))


def test_a_look_at_the_site_tells_which_tokens_are_taken(
    tmp_path: Path, ap: Pool, arc: ARC, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**ap.exports, "X509_CERT_DIR": str(arc.anchors)}.items():
        monkeypatch.setenv(name, value)
    good = box(tmp_path / "good", ap, arc, "look", issuer.token(SUBJECT, arc.url, scope=SCOPE))
    look = looked_at(good)
    assert {s["outcome"] for s in look["steps"]} == {"fine"}, look
    assert "tells us about our jobs" in step(look, "authenticate")["words"]
    for name, token in wrong(issuer, arc).items():
        look = looked_at(box(tmp_path / name, ap, arc, "look", token))
        assert step(look, "authenticate")["outcome"] == "wrong", (name, look)
        assert look["who"] == "credentials", (name, look)
