"""Places that no queue names any more are asked while pilots are there, once, and no longer."""

from __future__ import annotations

import json
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.config.registry import Registry
from autopyfactory.factory import leftbehind
from autopyfactory.factory.leftbehind import LeftBehind

SPEC = json.dumps({"plugin": "Fake", "options": {"schedd": "ap"}})
CONFIGURATION: Any = SimpleNamespace(factory=SimpleNamespace(), mappings={})


class Fake:
    """A batch status plugin that only remembers how it was made."""

    class Options:
        @classmethod
        def model_validate(cls, given: dict[str, str]) -> dict[str, str]:
            if "schedd" not in given:
                raise ValueError("no schedd")
            return given

    def __init__(self, options: dict[str, str], context: Any):
        self.options, self.context = options, context


class Book:
    """Says where pilots are, and by which name a place is known now."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.ways: dict[str, list[str]] = {}
        self.silent: dict[str, float] = {}

    def places_with_pilots(self) -> dict[str, str]:
        return dict(self.places)

    def resolve(self, target: str) -> str:
        return self.names.get(target, target)

    def ways_to(self, target: str) -> list[str]:
        return self.ways[target]

    def silent_for(self, target: str) -> float:
        return self.silent.get(target, 0.0)


class Sources:
    """Remembers who holds what; `asked` are places that queues have asked for."""

    def __init__(self) -> None:
        self.held: dict[str, Fake] = {}
        self.all: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.released: list[str] = []
        self.refused: set[str] = set()

    def places(self) -> list[str]:
        return self.asked

    def acquire(self, plugin: Fake, holder: str) -> None:
        if plugin.options["schedd"] in self.refused:
            raise OSError(f"too many open files for {plugin.options['schedd']}")
        known = self.held.setdefault(holder, plugin)
        assert known is plugin or plugin.options not in self.all
        self.all.append(plugin.options)

    def release(self, holder: str) -> None:
        self.released.append(holder)
        if (plugin := self.held.pop(holder, None)) is not None:
            self.all.remove(plugin.options)


def way(schedd: str) -> str:
    """Return how a place is reached by this name."""
    return json.dumps({"plugin": "Fake", "options": {"schedd": schedd}})


def asked(world: Any) -> list[str]:
    """Return by which names places are asked."""
    return sorted(options["schedd"] for options in world.sources.all)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Any:
    known = {("batchstatus", "Fake"): Fake}
    monkeypatch.setattr(leftbehind.registry, "find", lambda group, name: known[group, name])
    book, sources = Book(), Sources()
    made: Any = LeftBehind(book, sources, SimpleNamespace())  # type: ignore[arg-type]
    return SimpleNamespace(book=book, sources=sources, look=lambda: made.look_after(CONFIGURATION))


def test_a_place_with_pilots_that_nobody_asks_is_asked_with_the_options_of_then(world: Any) -> None:
    world.book.places["ap@c"] = SPEC
    world.look()
    (plugin,) = world.sources.held.values()
    assert plugin.options == {"schedd": "ap"}
    assert plugin.context.queue == "", "it is nobody's"
    assert plugin.context.factory is CONFIGURATION.factory


def test_it_is_asked_once_however_often_one_looks(world: Any) -> None:
    world.book.places["ap@c"] = SPEC
    for _ in range(3):
        world.look()
        world.sources.asked = ["ap@c"]  # as the pool says from then on
    assert len(world.sources.held) == 1
    assert world.sources.released == []


def test_a_place_that_queues_ask_is_left_to_them_under_whatever_name(world: Any) -> None:
    world.book.places["ap@c"] = SPEC
    world.book.names["AP.example.org@c"] = "ap@c"
    world.sources.asked = ["AP.example.org@c"]
    world.look()
    assert world.sources.held == {}


def test_a_place_that_is_asked_by_a_dead_name_of_it_only_is_asked_by_all_of_them(world: Any) -> None:
    """The queue that named the living one is gone, and another one names the dead one."""
    ways = [way("ap"), way("twin")]
    world.book.places, world.book.ways = {"ap@c": ways[0]}, {"ap@c": ways}
    world.book.names["twin@c"] = "ap@c"
    world.sources.asked = ["twin@c"]
    for silent, names in ((leftbehind.LONG, []), (leftbehind.LONG + 1, ["ap", "twin"])):
        world.book.silent["ap@c"] = silent
        world.look()
        world.look()
        assert asked(world) == names


def test_when_the_last_pilot_has_ended_nobody_is_asked_any_more(world: Any) -> None:
    world.book.places = {"ap@c": SPEC, "other@c": SPEC}
    world.look()
    assert len(world.sources.held) == 2
    del world.book.places["ap@c"]
    world.sources.asked = ["ap@c", "other@c"]
    world.look()
    assert [holder for holder in world.sources.held if "ap@c" in holder] == []
    assert len(world.sources.held) == 1
    world.look()
    assert len(world.sources.released) == 1, "what was let go is not let go again"


def test_pilots_that_come_back_to_a_place_are_asked_for_again(world: Any) -> None:
    for places in ({"ap@c": SPEC}, {}, {"ap@c": SPEC}):
        world.book.places = dict(places)
        world.look()
    assert len(world.sources.held) == 1


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "nobody has written down how to reach it"),
        ("{", "Expecting"),
        (json.dumps({"plugin": "Gone", "options": {}}), "Gone"),
        (json.dumps({"plugin": "Fake", "options": {}}), "no schedd"),
        (json.dumps({"plugin": "Fake"}), "options"),
    ],
)
def test_a_place_that_cannot_be_asked_is_told_once_and_harms_no_other(
    world: Any, caplog: pytest.LogCaptureFixture, spec: str, words: str
) -> None:
    world.book.places = {"bad@c": spec, "good@c": SPEC}
    with caplog.at_level(logging.ERROR, "autopyfactory.factory"):
        for _ in range(3):
            world.look()
            world.sources.asked = ["good@c"]
    (told,) = caplog.messages
    assert "bad@c" in told and words in told
    assert [holder for holder in world.sources.held if "good@c" in holder] != []


def test_what_a_plugin_of_ours_writes_down_is_understood() -> None:
    """The registry that is really used knows the plugins that leave pilots behind."""
    assert {"Condor", "Exec"} <= set(Registry().names("batchstatus"))


def test_a_way_that_could_not_be_asked_once_is_tried_again(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """There were too many open files, for a moment: its pilots are there for days."""
    world.book.places, world.book.ways = {"ap@c": way("ap")}, {"ap@c": [way("ap"), way("twin")]}
    world.book.silent["ap@c"] = leftbehind.LONG + 1
    world.sources.asked = ["ap@c"]
    for refused, names in (({"ap", "twin"}, []), ({"twin"}, ["ap"]), (set(), ["ap", "twin"])):
        world.sources.refused = refused
        for _ in range(2):
            world.look()
        assert asked(world) == names
    assert [message.split()[-1] for message in caplog.messages] == ["ap", "twin"], "once for each way"


def test_a_way_that_was_found_later_is_asked_too(world: Any) -> None:
    world.book.places, world.book.ways = {"ap@c": way("ap")}, {"ap@c": [way("ap")]}
    world.book.silent["ap@c"] = leftbehind.LONG + 1
    for names in (["ap"], ["ap", "twin"]):
        world.book.ways["ap@c"] = [way(name) for name in names]
        for _ in range(2):
            world.look()
        assert asked(world) == names
        world.sources.asked = ["ap@c"]


@pytest.mark.parametrize("broken", ["", json.dumps({"plugin": "Gone", "options": {}})])
def test_a_place_whose_own_way_is_broken_is_asked_by_its_other_names(world: Any, broken: str) -> None:
    """Nobody asks it, as nobody could: so it tells no counts."""
    world.book.places = {"ap@c": broken}
    world.book.ways = {"ap@c": [*filter(None, [broken]), way("twin")]}
    for silent, names in ((leftbehind.LONG, []), (leftbehind.LONG + 1, ["twin"])):
        world.book.silent["ap@c"] = silent
        for _ in range(2):
            world.look()
        assert asked(world) == names
