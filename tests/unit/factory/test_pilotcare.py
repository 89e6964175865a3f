"""Who looks after pilots: what is asked of schedds, what breakers hear, what is done, and what never is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.breakers.options import BreakerOptions
from autopyfactory.breakers.registry import Address, Breakers, Gate
from autopyfactory.condor.errors import CondorError
from autopyfactory.condor.target import Target
from autopyfactory.factory.heldpilots import Surroundings
from autopyfactory.factory.pilotcare import PilotCare
from autopyfactory.model.ending import Ending
from autopyfactory.why.treatment import HeldOptions
from fakes import FakeClock, queue_options

TARGET = Target("ap", None)
DENIED = 'SECMAN:2010:Received "DENIED" from server for user x@y using method IDTOKENS'
BATCH = "Unable to contact slurm controller (connect failure)"
CANNOT = "Failed to execute '/x/bad.sh': invalid interpreter"


class FakeSchedd:
    """A schedd that knows stuck and running pilots, and does as it is told."""

    def __init__(self) -> None:
        self.stuck: list[dict[str, Any]] = []
        self.running: list[dict[str, Any]] = []
        self.lost: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.acts: list[tuple[str, str, str]] = []
        self.back: list[dict[str, Any]] = []  # pilots whose CE answers again
        self.silent = False
        self.noted: list[tuple[str, int]] = []

    def query(self, constraint: str, projection: Any, *, limit: int = -1, deadline: float) -> list[Any]:
        if self.silent:
            raise CondorError("no answer")
        assert 'ApfFactory =?= "f1"' in constraint, "only ever our own"
        self.asked.append(constraint)
        if "GridResourceUnavailableTime is undefined" in constraint:
            return [{name: ad.get(name) for name in projection} for ad in self.back]
        ads = (
            self.lost
            if "JobUniverse == 9" in constraint
            else self.running
            if "JobStatus == 2" in constraint
            else self.stuck
        )
        return [{name: ad.get(name) for name in projection} for ad in ads]

    def act(self, action: str, constraint: str, *, reason: str = "", deadline: float) -> Mapping[str, int]:
        assert 'ApfFactory =?= "f1" && (' in constraint, "only ever our own"
        self.acts.append((action, constraint, reason))
        return {"TotalSuccess": len(re.findall(r"ProcId == \d+", constraint))}

    def note(self, constraint: str, attribute: str, number: int, *, deadline: float) -> None:
        assert 'ApfFactory =?= "f1" && (' in constraint
        self.noted.append((attribute, number))

    def rest(self) -> None:
        pass


class World:
    def __init__(self, tmp_path: Path) -> None:
        self.clock = FakeClock()
        self.schedd = FakeSchedd()
        self.breakers = Breakers(tmp_path / "breakers.json", self.clock)
        self.held = HeldOptions()
        self.closed: tuple[str, ...] = ()
        self.told: list[tuple[str, str, str | None]] = []
        self.description: dict[str, str] = {}
        self.choice: Any = None
        self.sent_to: dict[str, str | None] = {}
        self.queues: dict[str, Any] = {}
        self.add("Q", executable="/bin/false")
        around = Surroundings(
            "f1",
            queues=lambda: self.queues,
            targets=lambda: [TARGET],
            breaker_options=BreakerOptions,
            held_options=lambda: self.held,
            ce_of=lambda tag, job: self.sent_to.get(tag, ""),
            closed=lambda place: self.closed,
            tell=lambda kind, words, queue, code="": self.told.append((kind, words, queue)),
        )
        self.care = PilotCare(around, self.breakers, self.clock, lambda target: self.schedd)  # type: ignore[arg-type,return-value]

    @property
    def now(self) -> int:
        return int(self.clock.now().timestamp())

    def add(self, name: str, **options: Any) -> None:
        submit = SimpleNamespace(
            ce="ce1", describe=lambda tag, now: self.description, credential=lambda now: self.choice
        )
        self.queues[name] = SimpleNamespace(
            config=SimpleNamespace(options=queue_options(**options)),
            parts=SimpleNamespace(routes=(SimpleNamespace(submit=submit),)),
            gates=(Gate(self.breakers, Address(name, "ce1", "token /t")),),
        )

    def hold(self, n: int, reason: str, age: float = 10, queue: str = "Q", **ad: Any) -> None:
        for proc in range(n):
            self.schedd.stuck.append(
                {
                    "MATCH_APF_QUEUE": queue, "JobStatus": 5, "HoldReason": reason, "HoldReasonCode": 0,
                    "EnteredCurrentStatus": self.now - int(age), "ClusterId": 5, "ProcId": proc,
                    "QDate": self.now - int(age) - 10, **ad,
                }
            )  # fmt: skip

    def end(self, n: int, outcome: str = "failed", first: int = 0, **given: Any) -> None:
        now = float(self.now)
        base = {"at": now, "queued": now - 20, "started": now - 1, "wall": 1.0, "exit_code": 1}
        self.care.endings(
            [Ending("ap", f"{first + i}.0", "t", "Q", outcome=outcome, **{**base, **given}) for i in range(n)]
        )

    def permit(self, queue: str = "Q") -> int | None:
        return self.breakers.permit(self.queues[queue].gates[0].address).limit


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_an_executable_that_fails_stops_its_queue_and_is_named(world: World) -> None:
    world.add("R")
    world.end(5)
    world.care.judge()
    assert (world.permit(), world.permit("R")) == (0, None)
    ((kind, words, queue),) = world.told
    assert (kind, queue) == ("breaker", "Q")
    assert words.startswith("the breaker opens, CE ce1 for Q: 5 of the last 5 pilots went wrong: 5 /bin/")


def test_pilots_that_run_well_elsewhere_speak_for_the_queue(world: World) -> None:
    world.schedd.running = [
        {
            "MATCH_APF_QUEUE": "Q", "ClusterId": 90 + n, "ProcId": 0, "QDate": world.now - 500,
            "JobCurrentStartDate": world.now - 400 + n, "RemoteHost": f"slot1_1@node{n}",
        }
        for n in range(3)
    ]  # fmt: skip
    world.end(6, node="slot1@node9")
    world.care.judge()
    assert world.permit() is None
    permit = world.breakers.permit(world.queues["Q"].gates[0].address)
    assert permit.nodes == ("node9 (6)",)


def test_one_waits_for_those_that_have_just_started(world: World) -> None:
    world.schedd.running = [
        {
            "MATCH_APF_QUEUE": "Q", "ClusterId": 90, "ProcId": 0, "QDate": world.now - 30,
            "JobCurrentStartDate": world.now - 20, "RemoteHost": "slot1_1@node1",
        }
    ]  # fmt: skip
    world.end(6, node="slot1@node9", started=world.now - 21.0)
    world.care.judge()
    assert world.permit() is None
    world.schedd.running = []
    world.care.judge()
    assert world.permit() == 0, "it is gone: nobody speaks for the queue"


def test_held_pilots_open_the_breaker_of_whose_fault_it_is(world: World) -> None:
    world.add("R")
    world.hold(5, BATCH)
    world.care.look()
    world.care.judge()
    assert (world.permit(), world.permit("R")) == (0, 0), "the site's fault: nobody goes there"
    assert "held, the CE cannot reach its batch system" in world.told[0][1]


def test_jobs_with_our_ads_that_are_in_no_book_of_ours_say_nothing(world: World) -> None:
    """Whoever may submit to the schedd can give his jobs our factory's name, and a tag that he has read."""
    world.sent_to["forged"] = None
    since = world.now - 700
    world.hold(9, BATCH, age=400, ApfSubmission="forged")
    world.schedd.stuck += [
        {
            "MATCH_APF_QUEUE": "Q", "JobStatus": 1, "ClusterId": 6, "ProcId": n, "QDate": since - 60,
            "EnteredCurrentStatus": since - 60, "GridResourceUnavailableTime": since,
            "ApfSubmission": "forged",
        }
        for n in range(9)
    ]  # fmt: skip
    world.care.look()
    world.care.judge()
    assert world.permit() is None
    assert (world.told, world.schedd.acts) == ([], []), "nor is it told of them, or anything done to them"
    world.schedd.running = [
        {
            "MATCH_APF_QUEUE": "Q", "ClusterId": 90 + n, "ProcId": 0, "QDate": world.now - 500,
            "JobCurrentStartDate": world.now - 400, "RemoteHost": f"slot1_1@node{n}",
            "ApfSubmission": "forged",
        }
        for n in range(3)
    ]  # fmt: skip
    world.end(6, node="slot1@node9")
    world.care.judge()
    assert world.permit() == 0, "they do not speak for the queue either"


def test_pilots_whose_ce_does_not_answer_open_it_and_its_return_closes_it(world: World) -> None:
    since = world.now - 700
    world.schedd.stuck = [
        {
            "MATCH_APF_QUEUE": "Q", "JobStatus": 1, "ClusterId": 5, "ProcId": n, "QDate": since - 60,
            "EnteredCurrentStatus": since - 60, "GridResourceUnavailableTime": since,
        }
        for n in range(5)
    ]  # fmt: skip
    world.care.look()
    world.care.judge()
    assert world.permit() == 0
    world.clock.advance(60)
    world.schedd.stuck, there = [], world.schedd.stuck
    world.care.look()
    world.care.judge()
    assert world.permit() == 0, "they are gone: that tells nothing of the CE"
    world.schedd.back = there
    world.care.look()
    world.care.judge()
    assert world.permit() is None
    assert "the breaker closes, CE ce1" in world.told[-1][1]


def test_a_short_silence_of_a_ce_is_nothing(world: World) -> None:
    world.schedd.stuck = [
        {
            "MATCH_APF_QUEUE": "Q", "JobStatus": 1, "ClusterId": 5, "ProcId": n, "QDate": world.now - 100,
            "GridResourceUnavailableTime": world.now - 90,
        }
        for n in range(9)
    ]  # fmt: skip
    world.care.look()
    world.care.judge()
    assert world.permit() is None


def test_held_pilots_are_released_when_it_is_time_and_counted(world: World) -> None:
    world.hold(3, BATCH, age=100)
    world.care.look()
    assert world.schedd.acts == []
    world.clock.advance(250)
    world.care.look()
    ((action, constraint, reason),) = world.schedd.acts
    assert (action, reason) == ("release", "AutoPyFactory: it may have passed")
    assert constraint.startswith('JobStatus == 5 && ApfFactory =?= "f1" && (')
    assert constraint.count("ClusterId == 5") == 3
    assert world.schedd.noted == [("ApfReleases", 1)]
    assert world.care.held.totals.acted == {("released", "batch-down"): 3}
    assert ("pilots released", "3 pilots released: it may have passed", "Q") in world.told


def test_a_renewed_credential_releases_what_it_held_and_hurries_the_probe(
    world: World, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("e30.e30.e30")
    os.utime(token, (world.now - 5000, world.now - 5000))
    world.hold(5, DENIED, age=400, ScitokensFile=str(token))
    world.care.look()
    world.care.judge()
    assert world.permit() == 0
    assert world.schedd.acts == []
    os.utime(token, (world.now, world.now))
    world.care.look()
    ((action, _, reason),) = world.schedd.acts
    assert (action, reason) == ("release", "AutoPyFactory: the credential was renewed")
    assert world.permit() == 1


def test_another_token_of_the_queue_releases_no_pilot_that_was_sent_with_the_first(
    world: World, tmp_path: Path
) -> None:
    """Pilots keep the file that they were sent with: released, they would only be held again, and removed."""
    first, second = tmp_path / "first", tmp_path / "second"
    for file in (first, second):
        file.write_text("e30.e30.e30")
    os.utime(first, (world.now - 5000, world.now - 5000))
    os.utime(second, (world.now, world.now))
    world.description = {"scitokens_file": str(second)}
    world.hold(2, DENIED, age=400, ScitokensFile=str(first))
    world.care.look()
    assert world.schedd.acts == []
    os.utime(first, (world.now, world.now))
    world.care.look()
    assert [action for action, _, _ in world.schedd.acts] == ["release"]


def test_of_several_credentials_all_have_to_be_good(world: World, tmp_path: Path) -> None:
    good, gone = tmp_path / "good", tmp_path / "gone"
    good.write_text("e30.e30.e30")
    os.utime(good, (world.now, world.now))
    world.hold(2, DENIED, age=400, ScitokensFile=str(good), x509userproxy=str(gone))
    world.care.look()
    assert world.schedd.acts == []


def test_how_long_one_is_held_is_told_by_the_schedds_clock(world: World) -> None:
    """Ours is set forward by a day: nobody is removed, or released, for that."""
    world.hold(3, BATCH, age=100, ServerTime=world.now)
    world.clock.wall += timedelta(days=1)
    world.care.look()
    assert world.schedd.acts == []


def test_a_release_in_hope_hurries_no_probe(world: World) -> None:
    """Nothing was mended: the intervals of the breaker go on growing, however many pilots are released."""
    world.hold(9, BATCH, age=200)
    world.care.look()
    world.care.judge()
    assert world.permit() == 0
    world.clock.advance(110)
    world.care.look()
    assert world.schedd.acts == [], "what is released in hope is the breaker's probe, and none is due"
    assert world.permit() == 0


def test_a_queue_without_a_good_credential_releases_nothing(world: World) -> None:
    world.choice = SimpleNamespace(presented=None)
    world.hold(5, DENIED, age=4000)
    world.care.look()
    assert world.schedd.acts == []
    world.choice = SimpleNamespace(presented=object())
    world.care.look()
    assert len(world.schedd.acts) == 1
    assert world.care.held.totals.held == {"credential-refused": 5}


def test_what_only_a_person_can_mend_is_an_alarm_once(world: World) -> None:
    world.hold(2, CANNOT)
    world.care.look()
    world.care.look()
    assert [t[0] for t in world.told] == ["problem"]
    assert "the wrapper cannot be started" in world.told[0][1]
    world.schedd.stuck = []
    world.care.look()
    world.hold(1, CANNOT)
    world.care.look()
    assert len(world.told) == 2


def test_no_more_than_the_limit_at_once(world: World) -> None:
    world.held = HeldOptions(at_once=4)
    world.hold(10, BATCH, age=400)
    world.care.look()
    assert sum(world.care.held.totals.acted.values()) == 4


@pytest.mark.parametrize("why", ["off", "closed"])
def test_nothing_is_done_where_it_is_not_to_be(world: World, why: str) -> None:
    """Not when it is switched off, and not at a place that the book does not trust: it may be another's."""
    world.held = HeldOptions(act=why != "off")
    world.closed = ("pilots carry another mark",) if why == "closed" else ()
    world.hold(9, BATCH, age=4000)
    world.schedd.lost = [{"MATCH_APF_QUEUE": "Q", "ClusterId": 8, "ProcId": 0}]
    world.care.look()
    assert world.schedd.acts == []


def test_lost_pilots_are_removed_and_counted(world: World) -> None:
    world.add("W", wall_minutes=60)
    world.schedd.lost = [{"MATCH_APF_QUEUE": "Q", "ClusterId": 8, "ProcId": 0}]
    world.schedd.running = [{"MATCH_APF_QUEUE": "W", "ClusterId": 9, "ProcId": 0}]
    world.care.look()
    assert [(a, r) for a, _, r in world.schedd.acts] == [
        ("remove", "AutoPyFactory: lost: it runs for longer than its wall time allows"),
    ]
    assert "JobCurrentStartDate + ApfWallMinutes * 60 < time() - 7200" in world.schedd.asked[-1]
    world.schedd.running = []
    world.clock.advance(1799)
    world.care.look()
    assert len(world.schedd.acts) == 1, "where the schedd was stopped for a day, nobody has news at first"
    world.clock.advance(301)
    world.care.look()
    assert [(a, r) for a, _, r in world.schedd.acts[1:]] == [
        ("remove", "AutoPyFactory: lost: it waits, and its CE has told nothing of it for too long"),
    ]
    assert world.care.held.totals.acted == {("lost", "lost-silent"): 1, ("lost", "lost-overtime"): 1}
    world.schedd.lost[0]["ProcId"] = 1
    world.care.look()
    assert len(world.schedd.acts) == 2, "not in every round"


def test_nobody_is_lost_when_options_say_so(world: World) -> None:
    world.held = HeldOptions(silent=0, overtime=0)
    world.add("W", wall_minutes=60)
    world.schedd.lost = world.schedd.running = [{"MATCH_APF_QUEUE": "Q", "ClusterId": 8, "ProcId": 0}]
    world.care.look()
    assert world.schedd.acts == []


@pytest.mark.parametrize(
    "odd",
    [
        {"EnteredCurrentStatus": "yesterday"},
        {"HoldReasonCode": "odd"},
        {"ApfReleases": "odd"},
        {"QDate": [1]},
        {"EnteredCurrentStatus": float("nan")},
        {"ApfReleases": float("inf")},
    ],
)
def test_an_odd_ad_costs_no_other_pilot_anything(world: World, odd: dict[str, Any]) -> None:
    """Anybody with an account at the schedd can put such an ad there."""
    world.hold(6, BATCH, age=400)
    world.schedd.stuck[0] |= odd
    world.schedd.running = [
        {"MATCH_APF_QUEUE": "Q", "ClusterId": 90, "ProcId": 0, "QDate": "odd", "JobCurrentStartDate": "odd"}
    ]
    world.care.look()
    world.care.judge()
    assert ("release", "AutoPyFactory: it may have passed") in [(a, r) for a, _, r in world.schedd.acts]
    assert world.permit() == 0
    removed = [c for a, c, _ in world.schedd.acts if a == "remove"]
    assert not any("ClusterId == 5" in c for c in removed), "of which nobody knows for how long it is held"


def test_a_schedd_that_does_not_answer_costs_nothing_else(world: World) -> None:
    world.schedd.silent = True
    world.end(5)
    world.care.look()
    world.care.judge()
    assert world.permit() == 0


def test_a_queue_without_breakers_is_left_alone(world: World) -> None:
    world.queues["Q"].gates = ()
    world.end(9)
    world.hold(9, BATCH)
    world.care.look()
    world.care.judge()
    assert world.breakers.known() == {}


def test_pilots_count_where_they_were_sent(world: World) -> None:
    world.end(5, ce="ce-before")
    world.care.judge()
    assert world.permit() is None
    address = replace(world.queues["Q"].gates[0].address, ce="ce-before")
    assert world.breakers.permit(address).limit == 0
    world.sent_to["old"] = "ce-before"
    world.hold(9, BATCH, ApfSubmission="old")
    world.care.look()
    world.care.judge()
    assert world.permit() is None, "nor do those that are held at a CE that the queue has left"
