"""The operator's commands against a running factory, and against what a stopped one left."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from autopyfactory.cli import orders
from autopyfactory.control.server import CommandError, ControlServer
from contracts.records import cycle
from patience import PATIENCE, until
from remembered import remember


def codes(story: dict[str, Any]) -> list[str]:
    return [c["code"] for c in story["story"]["causes"]]


def test_with_a_running_factory(place: Any) -> None:
    """One start serves many looks: what each command says about a factory that runs."""
    factory = place.start()
    until(lambda: factory.queues["east"].last.inputs.batch.running == 2)

    rows = {r["queue"]: r for r in place.json("status")["queues"]}
    assert set(rows) == {"east", "west", "wrong"}
    assert (rows["east"]["ready"], rows["east"]["running"], rows["east"]["sent"]) == (5, 2, 2)
    assert rows["wrong"]["state"] == "broken"
    assert "NoSuchRule" in rows["wrong"]["reason"]
    assert place.json("status", "off")["queues"][0]["state"] == "disabled"
    text = place.run("status").stdout
    assert "east" in text
    assert "MaxToRun" in text
    assert [r["queue"] for r in place.json("status", "--filter", "running>0")["queues"]] == ["east"]
    assert place.json("status", "--sort", "ready")["queues"][0]["queue"] == "east"
    assert "did you mean east" in place.run("status", "eats", code=1).stderr
    assert "there is no column" in place.run("status", "--filter", "x=1", code=2).stderr

    assert [(r["queue"], r["problems"][0]["code"]) for r in rows.values() if r["problems"]] == [
        ("wrong", "broken-configuration")
    ]
    assert "CRITICAL: 3 queues, something is wrong with 1" in place.run("status", "--check", code=2).stdout
    assert "OK: 1 queue, nothing is wrong" in place.run("status", "east", "--check").stdout
    everything = place.run("why").stdout
    assert "3 queues: something is wrong with 1 (from the running factory)" in everything
    assert "NoSuchRule" in everything

    assert codes(place.json("why", "east")) == ["capped"]
    assert codes(place.json("why", "west")) == ["nothing-ready"]
    assert codes(place.json("why", "off")) == ["disabled"]
    assert codes(place.json("why", "wrong")) == ["broken-configuration"]
    story = place.run("why", "east").stdout
    assert "from the running factory" in story
    assert "MaxToRun bit" in story
    assert "did you mean east" in place.run("why", "eats", code=1).stderr
    assert place.json("why", "east", "--last", "3")["records"][-1]["queue"] == "east"

    assert "not listed, since they use no schedd: east, west" in place.run("pilots").stderr
    assert "no queue 'nope'" in place.run("pilots", "--queue", "nope", code=1).stderr
    place.run("pilots", "kill", code=2)
    place.run("pilots", "--queue", "east", "kill", "--queue", "east", code=2)

    place.wait_kept("east", "sent: 2 pilots")
    place.wait_kept("east", "started: 2 queues")
    assert "schema version 2" in place.run("history").stdout
    assert "nothing is kept" in place.run("history", "nope", code=1).stderr
    first = json.loads(place.run("history", "east", "--json").stdout.splitlines()[0])
    assert "cycle" in first or "event" in first


def test_pause_and_resume(place: Any) -> None:
    factory = place.start()
    said = place.run("pause", "east", "--until", "2h", "--reason", "cooling [works]").stdout
    assert "cooling [works]" in said
    until(lambda: factory.queues["east"].last.outcome == "paused")
    assert codes(place.json("why", "east"))[0] == "paused"
    for command in (("status",), ("status", "east"), ("why", "east")):
        assert "cooling [works]" in place.run(*command).stdout
    assert place.json("status", "east")["queues"][0]["state"] == "paused"
    end = datetime.fromisoformat(factory.pauses.get("east").until.isoformat())
    assert 7100 < (end - factory.clock.now()).total_seconds() < 7300
    assert "no longer paused" in place.run("resume", "east").stdout
    until(lambda: factory.queues["east"].last.outcome != "paused")
    assert "was not paused" in place.run("resume", "east").stdout
    place.wait_kept("east", "paused: paused by ")

    place.run("pause", "--all")
    until(lambda: all(q.last.outcome == "paused" for q in factory.queues.values()))
    assert "still paused with all queues" in place.run("resume", "east").stderr
    place.run("resume", "--all")
    until(lambda: all(q.last.outcome != "paused" for q in factory.queues.values()))
    assert place.run("pause", "east", "--until", "2020-01-01", code=2).stderr.endswith("is over already\n")
    assert "no queue 'nope'" in place.run("pause", "nope", code=1).stderr
    place.run("pause", code=2)
    place.run("pause", "east", "--all", code=2)
    place.run("pause", "east", "--until", "sometime", code=2)


def test_a_pause_survives_a_restart(place: Any) -> None:
    place.start()
    place.run("pause", "east", "--reason", "for long")
    place.run("drain", "west")
    place.stop()
    factory = place.start()
    assert factory.queues["east"].last.outcome == "paused"
    assert factory.queues["east"].last.pause.endswith("for long")
    assert place.json("status", "west")["queues"][0]["state"] == "draining"


def test_several_queues_at_once_each_whatever_becomes_of_the_others(place: Any) -> None:
    factory = place.start()
    told = place.run("pause", "nope", "east", "west", "--reason", "cooling", code=1)
    assert "there is no queue 'nope'" in told.stderr
    assert factory.pauses.get("east").reason == factory.pauses.get("west").reason == "cooling"
    told = place.run("resume", "west", "east", "west").stdout.splitlines()
    assert [line.split(": ")[0] for line in told] == ["west", "east"]
    assert factory.pauses.get("east") is factory.pauses.get("west") is None
    assert "either QUEUEs or --all" in place.run("drain", "east", "--all", code=2).stderr


def test_a_colleagues_pause_is_not_replaced_in_silence(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    factory = place.start()
    for running in (True, False):
        if not running:
            place.stop()
        monkeypatch.setattr(orders, "user", lambda: "anna")
        place.run("pause", "east", "--reason", "disk swap", "--replace")
        again = place.run("pause", "east", "--reason", "disk swap goes on")
        assert "that takes the place of: paused" in again.stderr
        monkeypatch.setattr(orders, "user", lambda: "bert")
        for order in ("pause", "drain"):
            refused = place.run(order, "east", "--until", "1h", code=1).stderr
            assert "paused by anna since " in refused and ": disk swap goes on" in refused
            assert "--replace" in refused
        if running:
            assert factory.pauses.get("east").by == "anna"
    assert "by anna" in place.run("drain", "east", "--replace").stderr


def test_after_the_factory_has_stopped(place: Any) -> None:
    factory = place.start()
    until(lambda: factory.queues["east"].last.inputs.batch.running == 2)
    place.stop()
    data = place.json("why", "east")
    assert codes(data)[:2] == ["factory-down", "capped"]
    assert len(data["records"]) > 2
    assert "from the history" in place.run("why", "east").stdout
    assert codes(place.json("why", "off"))[0] == "disabled"
    assert codes(place.json("why", "wrong"))[0] == "broken-configuration"
    assert "no queue 'nope'" in place.run("why", "nope", code=1).stderr
    past = place.run("why", "east", "--at", "now").stdout
    assert "No factory answers" not in past
    assert "MaxToRun" in past
    assert "nothing is kept" in place.run("why", "east", "--at", "2020-01-01", code=1).stderr
    status = place.json("status", code=3)
    assert status["started"] is None
    assert {r["queue"]: r["state"] for r in status["queues"]} == {"east": "stopped", "west": "stopped"}

    assert "in force when one starts" in place.run("pause", "east", "--reason", "later").stderr
    assert "later" in place.run("status", code=3).stdout
    assert "paused" in codes(place.json("why", "east"))
    assert "no queue 'nope'" in place.run("pause", "nope", code=1).stderr
    factory = place.start()
    assert factory.queues["east"].last.outcome == "paused"
    place.stop()
    assert "no longer paused" in place.run("resume", "east").stdout


def test_why_at_a_minute_finds_a_cycle_within_that_minute(place: Any) -> None:
    (place.folder / "state").mkdir(mode=0o700)
    day = datetime(2026, 11, 22, 16, tzinfo=UTC)
    cycles = [cycle("east", n, day + timedelta(minutes=n, seconds=4), ready=n) for n in (1, 2, 3)]
    remember(place.folder / "state", place.name, *cycles)
    data = place.json("why", "east", "--at", "2026-11-22T16:02")
    assert data["story"]["at"].startswith("2026-11-22T16:02:04")
    assert "2 jobs ready" in data["story"]["headline"]


def test_a_history_that_cannot_be_read_does_not_silence_why(place: Any) -> None:
    factory = place.start()
    history = place.folder / "state/history.db"
    until(history.exists)
    factory.reporting.history.close(PATIENCE)  # it would mend the file
    for file in history.parent.glob("history.db*"):
        file.unlink()
    history.write_text("spoilt")
    result = place.run("why", "east")
    assert "MaxToRun" in result.stdout
    assert "cannot be read" in result.stderr


def test_before_anything_has_run(place: Any) -> None:
    result = place.run("status", code=3)
    assert "no factory answers" in result.stderr
    assert "no history yet" in result.stderr
    assert "No factory answers" in place.run("why", "east").stdout
    assert "no history yet" in place.run("history", code=1).stderr


def test_a_configuration_that_cannot_be_read(place: Any) -> None:
    place.conf.unlink()
    for command in (("status",), ("why", "east"), ("pause", "east"), ("pilots",)):
        assert str(place.conf) in place.run(*command, code=2).stderr


def test_every_command_has_a_help_text(place: Any) -> None:
    for name in ("status", "why", "pilots", "history", "pause", "drain", "resume"):
        assert "Usage" in place.run(name, "--help").stdout


def test_a_user_who_may_not_command_the_factory_still_gets_a_story(place: Any) -> None:
    """A factory that answers no to everything stands for one that this user may not ask."""
    place.start()
    place.stop()
    socket = place.folder / "state/control.sock"
    server = ControlServer(socket, _refuse)
    server.start()
    try:
        result = place.run("why", "east")
        assert "could not be asked: no" in result.stdout
        assert "No factory answers" not in result.stdout
        assert "no" in place.run("status", code=3).stdout
        assert "autopyfactory: no" in place.run("pause", "east", code=1).stderr
        assert "autopyfactory: no" in place.run("pilots", code=1).stderr
    finally:
        server.close()


def _refuse(command: str, arguments: dict[str, Any]) -> Any:
    raise CommandError("no")
