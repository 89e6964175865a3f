"""What the watch logs: each trouble when it begins, and the end of all."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from autopyfactory.accounting.lately import Memory
from autopyfactory.condor.capacity import CAPACITIES, Capacity
from autopyfactory.condor.errors import Overrun
from autopyfactory.condor.target import Target
from autopyfactory.model.record import Troubles
from autopyfactory.why.troubles import ATTRIBUTES
from autopyfactory.why.watch import TroubleWatch
from contracts.records import cycle


class Schedd:
    """Answers with `ads`; raises when there are none to give."""

    ads: list[dict[str, Any]] | None = None
    room = Capacity()

    def query(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        if self.ads is None:
            raise Overrun("no answer")
        return self.ads

    def counts(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return []

    def capacity(self, *_: Any, **__: Any) -> Capacity:
        return self.room

    def rest(self) -> None:
        pass


def held(n: int, reason: str) -> list[dict[str, Any]]:
    ad = {**dict.fromkeys(ATTRIBUTES), "MATCH_APF_QUEUE": "A", "JobStatus": 5, "HoldReason": reason}
    return [{**ad, "ClusterId": 1, "ProcId": i} for i in range(n)]


def test_a_trouble_is_logged_when_it_begins_and_when_all_are_over(caplog: pytest.LogCaptureFixture) -> None:
    schedd = Schedd()
    watch = TroubleWatch("F", lambda: [Target("s", None)], lambda _: schedd, pilots=Memory())  # type: ignore[arg-type,return-value]

    def told() -> list[str]:
        caplog.clear()
        watch.look()
        assert all(r.levelno == logging.WARNING for r in caplog.records)
        return [f"{r.name}: {r.getMessage()}" for r in caplog.records]

    schedd.ads = held(2, "token expired")
    line = 'autopyfactory.queue.A: 2 pilots held: the credential has expired: "token expired"'
    assert told() == [line]
    schedd.ads = held(5, "token expired")
    assert told() == []  # more of the same
    schedd.ads = None
    assert told() == []  # a schedd that is silent for a moment ends no trouble
    schedd.ads = []
    assert told() == ["autopyfactory.queue.A: no trouble with pilots is seen any more"]
    assert told() == []


def test_spoiled_credentials_are_told_once_and_kept_for_the_record(caplog: pytest.LogCaptureFixture) -> None:
    spoiled = {"A": "the token t expired"}
    watch = TroubleWatch("F", list, lambda _: Schedd(), pilots=Memory(), credentials=lambda: dict(spoiled))  # type: ignore[arg-type,return-value]
    watch.look()
    watch.look()
    assert [r.getMessage() for r in caplog.records] == ["the token t expired"]
    assert (watch.credential("A"), watch.credential("B")) == ("the token t expired", None)
    spoiled.clear()
    watch.look()
    assert caplog.records[-1].getMessage() == "the credentials are good again"
    assert watch.credential("A") is None


def test_a_limit_that_is_almost_reached_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    schedd = Schedd()
    schedd.ads = []
    watch = TroubleWatch("F", lambda: [Target("s", None)], lambda _: schedd, pilots=Memory())  # type: ignore[arg-type,return-value]
    try:
        for used in (10, 28, 29, 30):
            schedd.room = Capacity({"MAX_JOBS_PER_OWNER": 30}, ours=used)
            watch.look()
    finally:
        CAPACITIES.forget()
    told = [r.getMessage() for r in caplog.records if "MAX_JOBS_PER_OWNER" in r.getMessage()]
    assert told == ["28 of 30 jobs are at the schedd s (MAX_JOBS_PER_OWNER)"]


def test_a_record_gets_what_is_wrong_and_keeps_what_its_cycle_said(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = TroubleWatch("F", list, lambda _: Schedd(), pilots=Memory(), credentials=lambda: {"A": "expired"})  # type: ignore[arg-type,return-value]
    record = cycle("A")
    assert watch.added_to(record) is record, "nothing is known"
    watch.look()
    assert (watch.added_to(record).credential, watch.added_to(record).troubles) == ("expired", None)
    own = replace(record, credential="prod: not yet valid")
    assert watch.added_to(own).credential == "prod: not yet valid"
    troubles = Troubles(record.started, ce_down=3)
    monkeypatch.setattr(watch, "of", lambda queue: troubles)
    assert watch.added_to(cycle("B")) == replace(cycle("B"), troubles=troubles)
