"""Doors of CEs are tried once in a while for all queues, within what a round may take."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from autopyfactory.model.record import Troubles
from autopyfactory.why import probe as probing
from autopyfactory.why.causes import of_troubles
from autopyfactory.why.probe import Probes, probe

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def waiting(ce: str) -> Troubles:
    return Troubles(NOW, ce_down=3, ce=f"condor {ce} {ce}:9619")


def test_each_ce_is_tried_once_for_all_queues_and_again_only_later(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def note(resource: str, deadline: float) -> probing.Verdict:
        tried.append(resource.split()[1])
        return "ce-down", "no connection"

    monkeypatch.setattr(probing, "probe", note)
    probes = Probes()
    found = {"a": waiting("ce1"), "b": waiting("ce1"), "c": waiting("ce2"), "d": Troubles(NOW)}
    for _ in range(2):
        told = probes.round(found)
    assert tried == ["ce1", "ce2"]
    codes = [told[q].probe_code for q in "abcd"]
    assert codes == ["ce-down", "ce-down", "ce-down", ""]
    assert not Probes(budget=0.0).round(found)["a"].probe_code, "a round without time left tries none"


def test_a_name_that_no_host_has_is_ours_to_correct(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(host: str, limit: float) -> tuple[str, ...]:
        raise probing.NoSuchHost(f"no host has the name {host}")

    monkeypatch.setattr(probing, "addresses", unknown)
    assert probe("condor ce.exmaple.org ce.exmaple.org:9619", 1.0) == (
        "ce-unknown",
        "no host has the name ce.exmaple.org",
    )
    (cause,) = of_troubles(Probes().round({"q": waiting("ce.exmaple.org")})["q"])
    assert (cause.code, cause.who) == ("ce-unknown", "us")
    assert cause.words == "no host has the name ce.exmaple.org, where 3 pilots should go"


def test_a_door_that_opens_and_says_nothing_is_the_sites() -> None:
    """A CE that is frozen: its kernel takes connections, nobody answers. However long one waits, one text."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        there = f"127.0.0.1:{mute.getsockname()[1]}"
        told = {probe(f"condor ce1 {there}", limit) for limit in (1.0, 6.4)}
    assert told == {("ce-down", f"{there} accepts connections, and then its collector says nothing")}
    ((code, seen),) = told
    (cause,) = of_troubles(replace(waiting("ce1"), probe_code=code, probe=seen))
    assert (cause.code, cause.who) == ("ce-down", "site")


def test_a_name_service_in_trouble_blames_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(host: str, limit: float) -> tuple[str, ...]:
        raise probing.NoNameService("the name service does not answer within 5 s")

    monkeypatch.setattr(probing, "addresses", silent)
    assert probe("condor ce1 ce1:9619", 1.0) == (
        "",
        "ce1 cannot be found: the name service does not answer within 5 s",
    )
