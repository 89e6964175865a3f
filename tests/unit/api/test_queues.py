"""What a factory answers about its queues, and the orders it takes: good ones once, bad ones not at all."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api import queues
from autopyfactory.api.commands import COMMANDS, answer
from autopyfactory.condor.errors import CondorError
from autopyfactory.control.server import CommandError
from autopyfactory.model.record import CycleRecord, FactoryEvent
from autopyfactory.model.serialize import from_plain
from autopyfactory.pauses import PauseError
from autopyfactory.why.model import LiveState
from patience import until
from place import Place


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One factory for all: no test changes more than pauses, and each ends its own."""
    place = Place(tmp_path_factory.mktemp("factory"))
    made = place.start()
    until(lambda: made.queues["east"].last.inputs.batch.running == 2)
    yield made
    place.stop()
    place.kill_pilots()


def row(factory: Any, name: str) -> dict[str, Any]:
    (found,) = queues.status(factory, {"queue": name})["queues"]
    return found


def test_every_answer_is_plain_data(factory: Any) -> None:
    for command in ("status", "why", "pilots", "plan", "dump"):
        json.dumps(answer(factory, command, {"queue": "east"}))


def test_commands_that_nobody_knows_are_refused(factory: Any) -> None:
    assert {"status", "why", "pause", "resume", "drain", "pilots", "kill", "plan", "reload"} <= set(COMMANDS)
    with pytest.raises(CommandError, match="unknown command 'fly'"):
        answer(factory, "fly", {})


def test_a_row_for_each_queue_that_runs_or_should(factory: Any) -> None:
    states = {r["queue"]: r["state"] for r in queues.status(factory, {})["queues"]}
    assert states == {"east": "running", "west": "running", "wrong": "broken"}
    assert row(factory, "off")["state"] == "disabled"
    assert "NoSuchRule" in row(factory, "wrong")["reason"]


def test_a_name_that_is_no_queues_is_told_with_the_nearest(factory: Any) -> None:
    for command in ("status", "why", "pause", "drain", "pilots", "kill"):
        with pytest.raises(CommandError, match="did you mean east"):
            answer(factory, command, {"queue": "eats"})


@pytest.mark.parametrize(
    ("command", "kind", "state"), [("pause", "paused", "paused"), ("drain", "draining", "draining")]
)
def test_an_order_is_in_force_told_and_ended(factory: Any, command: str, kind: str, state: str) -> None:
    heard: list[Any] = []
    factory.reporting.listeners.append(heard.append)
    try:
        said = answer(factory, command, {"queue": "east", "reason": "cooling", "by": "me"})
        assert "cooling" in said["words"]
        assert row(factory, "east")["state"] == state
        assert row(factory, "west")["state"] == "running"
        until(lambda: factory.queues["east"].last.outcome == "paused")
        ended = answer(factory, "resume", {"queue": "east"})
        assert "cooling" in ended["ended"]
        assert ended["left"] is None
        assert row(factory, "east")["state"] == "running"
        assert answer(factory, "resume", {"queue": "east"}) == {"queue": "east", "ended": None, "left": None}
    finally:
        factory.reporting.listeners.remove(heard.append)
        factory.pauses.clear("east")
    kinds = [(e.kind, e.queue) for e in heard if isinstance(e, FactoryEvent)]
    assert kinds == [(kind, "east"), ("resumed", "east")]


def test_a_pause_of_all_stays_when_one_queue_is_resumed(factory: Any) -> None:
    answer(factory, "pause", {"queue": "*", "reason": "storm"})
    try:
        left = answer(factory, "resume", {"queue": "west"})["left"]
        assert "storm" in left
        assert row(factory, "west")["state"] == "paused"
    finally:
        answer(factory, "resume", {"queue": "*"})
    assert row(factory, "west")["state"] == "running"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "queue is missing"),
        ({"queue": ""}, "queue is missing"),
        ({"queue": 7}, "queue is missing"),
        ({"queue": "east", "until": "tomorrow"}, "not a time"),
        ({"queue": "east", "until": "2030-01-01T00:00"}, "without a zone"),
        ({"queue": "east", "until": "2020-01-01T00:00+00:00"}, "is over already"),
    ],
)
def test_an_order_that_makes_no_sense_changes_nothing(factory: Any, arguments: Any, says: str) -> None:
    for command in ("pause", "drain"):
        with pytest.raises(CommandError, match=says):
            answer(factory, command, arguments)
    assert factory.pauses.all(factory.clock.now()) == {}


def test_a_pause_that_cannot_be_kept_is_an_error(factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise PauseError("the disk is full")

    monkeypatch.setattr(factory.pauses, "set", full)
    monkeypatch.setattr(factory.pauses, "clear", full)
    for command in ("pause", "resume"):
        with pytest.raises(CommandError, match="disk is full"):
            answer(factory, command, {"queue": "east"})


def test_until_when(factory: Any) -> None:
    end = factory.clock.now() + timedelta(hours=2)
    try:
        answer(factory, "pause", {"queue": "east", "until": end.isoformat()})
        assert factory.pauses.get("east", end - timedelta(seconds=1)) is not None
        assert factory.pauses.get("east", end + timedelta(seconds=1)) is None
    finally:
        answer(factory, "resume", {"queue": "east"})


def test_why_gives_the_last_record_and_what_is_known_now(factory: Any) -> None:
    said = answer(factory, "why", {"queue": "east"})
    assert said["record"]["queue"] == "east"
    live = from_plain(LiveState, said["live"])
    assert (live.running, live.configured, live.enabled) == (True, True, True)
    off = answer(factory, "why", {"queue": "off"})
    assert off["record"] is None
    assert from_plain(LiveState, off["live"]).enabled is False


def test_why_gives_the_cycles_that_are_kept_when_it_is_asked_for_them(factory: Any) -> None:
    assert "kept" not in answer(factory, "why", {"queue": "east"})
    until(lambda: len(answer(factory, "why", {"queue": "east", "last": 3})["kept"]) == 3)
    said = answer(factory, "why", {"queue": "east", "last": 3})
    cycles = [from_plain(CycleRecord, r) for r in said["kept"]]
    assert said["unread"] is None
    assert [c.queue for c in cycles] == ["east"] * 3
    assert cycles == sorted(cycles, key=lambda c: c.started)
    for wrong in (0, -1, 10**9, "3", None):
        with pytest.raises(CommandError, match="last is no number"):
            answer(factory, "why", {"queue": "east", "last": wrong})


def test_pilots_of_queues_without_a_schedd_are_said_to_be_missing(factory: Any) -> None:
    said = answer(factory, "pilots", {})
    assert said["pilots"] == []
    assert said["notes"] == ["not listed, since they use no schedd: east, west"]


def test_somebody_elses_order_stays_unless_it_is_to_be_replaced(factory: Any) -> None:
    first = {"queue": "east", "reason": "theirs", "by": "them"}
    try:
        answer(factory, "pause", first)
        with pytest.raises(CommandError, match="theirs"):
            answer(factory, "drain", {"queue": "east", "reason": "ours", "by": "us"})
        assert row(factory, "east")["state"] == "paused"
        said = answer(factory, "drain", {"queue": "east", "reason": "ours", "by": "us", "replace": True})
        assert "theirs" in said["before"] and "ours" in said["words"]
        assert row(factory, "east")["state"] == "draining"
        answer(factory, "resume", {"queue": "east"})
    finally:
        factory.pauses.clear("east")


def test_a_schedd_that_does_not_answer_costs_ages_not_rows(
    factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: Any, **__: Any) -> Any:
        raise CondorError("ap does not answer")

    monkeypatch.setattr(queues, "targets", lambda meant: ["ap"])
    monkeypatch.setattr(queues, "reporting_client", lambda target: object())
    monkeypatch.setattr(queues.pilot_reports, "ages", silent)
    said = queues.status(factory, {"longest": True})
    assert [r["queue"] for r in said["queues"]] == ["east", "west", "wrong"]
    assert any("how old pilots are is not known: ap does not answer" in note for note in said["notes"])
    assert not any("how old" in note for note in queues.status(factory, {})["notes"]), "nobody was asked"


def test_a_queue_whose_parts_failed_says_so_in_its_row(
    factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(factory.failures, "off", SimpleNamespace(text="its plugin raised"))
    shown = row(factory, "off")
    assert (shown["state"], shown["reason"]) == ("broken", "its plugin raised")
    assert "off" in {r["queue"] for r in queues.status(factory, {})["queues"]}, "a failure is never hidden"
