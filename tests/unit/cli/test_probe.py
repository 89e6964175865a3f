"""`probe` of a running factory, with processes as pilots: followed, refused, and told who has to act."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.cli import probe as cli_probe
from autopyfactory.cycle.components import Route
from autopyfactory.factory import probes
from autopyfactory.model.record import Sent
from patience import until
from place import Place

OK = 'echo \'APF-SUMMARY {"schema": 1, "exit": 0, "outcome": "ok", "host": "n1", "payload": {"total": 2}}\''
BAD = (
    'echo \'APF-SUMMARY {"schema": 1, "exit": 1, "outcome": "unfit", "host": "n1", "owner": "site",'
    ' "reason": "the disk is full"}\'; exit 1'
)
QUEUE = """
[{name}]
wmsqueue = west
executable = {folder}/{name}.sh
executable.arguments =
{more}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("probe"))
    for name, script, more in (
        ("good", f"sleep 5; {OK}", ""),  # long enough to be seen running, also on a busy machine
        ("bad", BAD, ""),
        ("mute", f"sleep 1; {OK}", ""),
        ("left", f"sleep 1; {OK}", ""),
        ("long", "sleep 300", ""),
        ("slow", "sleep 300", ""),
        ("limited", OK, "schedplugin = Ready, MaxToRun\nsched.maxtorun.maximum = 0"),
        ("down", OK, "schedplugin = Ready, Downtime\nsched.downtime.windows = 2020-01-01/2099-01-01"),
        ("gone", "", ""),
    ):
        path = made.folder / f"{name}.sh"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        made.configure(QUEUE.format(name=name, folder=made.folder, more=more))
    try:
        made.start()
        yield made
    finally:
        made.stop()
        made.kill_pilots()


def stages(found: dict[str, list[dict[str, list[dict[str, str]]]]]) -> list[str]:
    (pilot,) = found["pilots"]
    return [stage["stage"] for stage in pilot["stages"]]


def test_a_pilot_is_followed_to_its_end(place: Place) -> None:
    found = place.json("probe", "good")
    assert found["outcome"] == "well"
    assert found["first_wrong"] is None
    assert stages(found) == ["submitted", "running", "ended", "payloads", "summary"]
    (pilot,) = found["pilots"]
    assert [s["after"] for s in pilot["stages"]] == sorted(s["after"] for s in pilot["stages"])
    assert [s["words"] for s in pilot["stages"][-2:]] == ["2 payloads", "ok"]
    told = place.run("probe", "good", "--last").stdout
    assert told.endswith("good: all is well\n")
    assert "summary: ok" in told


def test_what_the_pilot_says_itself_tells_who_has_to_act(place: Place) -> None:
    done = place.run("probe", "bad", code=1).stdout.splitlines()
    assert done[0].startswith("bad: 1 pilot to ")
    assert done[-2:] == ["bad: went wrong as it ran: failed: the disk is full", "  the site has to act"]


def test_one_that_runs_for_long_enough_has_done_well(place: Place) -> None:
    found = place.json("probe", "long", "--enough", "1s")
    assert (found["outcome"], stages(found)) == ("runs", ["submitted", "running"])
    found = place.json("probe", "long", "--limit", "1s")
    assert (found["outcome"], found["first_wrong"]) == ("runs", None)


def test_limits_hold_whatever_is_asked(place: Place) -> None:
    for more in ((), ("--anyway",)):
        found = place.json("probe", "limited", *more, code=1)
        assert (found["outcome"], found["pilots"]) == ("refused", [])
        assert found["first_wrong"]["words"].startswith("MaxToRun: ")
        assert found["first_wrong"]["who"] == "us"


def test_a_downtime_and_a_pause_can_be_overruled(place: Place) -> None:
    found = place.json("probe", "down", code=1)
    assert "Downtime: in a downtime" in found["first_wrong"]["words"]
    assert "--anyway" in found["first_wrong"]["next"]
    assert place.json("probe", "down", "--anyway")["outcome"] == "well"
    place.run("pause", "good", "--reason", "a test")
    try:
        assert "is paused by" in place.json("probe", "good", code=1)["first_wrong"]["words"]
        assert place.json("probe", "good", "--anyway")["outcome"] == "well"
    finally:
        place.run("resume", "good")


def test_nothing_is_sent_without_what_pilots_need(place: Place) -> None:
    script = place.folder / "gone.sh"
    until(lambda: place.run("status", "gone", code=None).stdout)
    script.unlink()
    found = place.json("probe", "gone", code=1)
    assert (found["outcome"], found["pilots"]) == ("refused", [])
    assert "gone.sh" in found["first_wrong"]["words"]


def test_what_makes_no_sense_is_refused(place: Place) -> None:
    assert "did you mean good?" in place.run("probe", "goood", code=1).output
    assert "does not run" in place.run("probe", "off", code=1).output
    assert "nobody has probed east" in place.run("probe", "east", "--last", code=1).output
    assert "not a duration" in place.run("probe", "good", "--limit", "soon", code=2).output


def test_one_at_a_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    running = place._running  # the factory in this process
    assert running is not None
    factory = running[0]
    one = factory.probes.start(probes.Wish("slow", limit=60))
    assert "is under way" in place.run("probe", "slow", code=1).output
    monkeypatch.setattr(probes, "AT_ONCE", 1)
    assert "1 probes are under way" in place.run("probe", "good", code=1).output
    factory.probes.stop()
    until(lambda: one.over)
    factory.probes._stop.clear()


def test_a_plugin_that_cannot_tell_of_its_pilots_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert place._running is not None
    factory = place._running[0]

    def breaks(tag: str, deadline: float) -> None:
        raise RuntimeError("of a third party")

    with monkeypatch.context() as patch:
        patch.setattr(factory.queues["mute"].parts.submit, "lookup", breaks)
        found = place.json("probe", "mute", code=1)
    assert found["outcome"] == "wrong"
    assert found["first_wrong"]["words"] == "it cannot be followed: RuntimeError: of a third party"


def test_ctrl_c_leaves_the_pilot_and_says_where_to_look(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(cli_probe, "sleep", interrupt)
        done = place.run("probe", "left", code=130)
    assert "probe left --last" in done.output
    until(lambda: place.json("probe", "left", "--last", code=None)["outcome"] == "well")


def test_without_a_factory_it_says_so(tmp_path: Path) -> None:
    place = Place(tmp_path)
    done = place.run("probe", "east", code=3)
    assert "no factory answers" in done.output
    assert "check --online east" in done.output


def test_json_of_a_probe_is_one_object(place: Place) -> None:
    data = json.loads(place.run("probe", "good", "--json").stdout)
    assert data["version"] == 1
    assert {"queue", "ce", "asked", "outcome", "pilots", "first_wrong", "notes"} <= data.keys()


def test_pilots_are_looked_for_where_they_went() -> None:
    def route(ce: str, target: str) -> Route:
        return Route(SimpleNamespace(ce=ce, target=target))  # type: ignore[arg-type]

    ways = [route("a", "s"), route("a", "t"), route("b", "t")]
    queue: Any = SimpleNamespace(parts=SimpleNamespace(routes=ways))
    for way in ways:
        assert probes._route(queue, Sent("tag", way.submit.target, way.submit.ce, 1)) is way
    assert probes._route(queue, Sent("tag", "s", "another", 1)) is ways[0]
