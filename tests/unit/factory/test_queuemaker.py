"""Two queues are the same when they do the same and their pilots carry the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.config.build import load
from autopyfactory.factory.queuemaker import CARRIED, QueueMaker, QueueSpec
from place import Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def configuration(place: Place) -> Any:
    return load([str(place.conf)])


def spec(place: Place, name: str = "east") -> QueueSpec:
    made = configuration(place)
    return QueueSpec(made.queues[name], made)


SAME = QueueMaker(*[SimpleNamespace()] * 8, None)  # type: ignore[arg-type]


def test_the_same_files_make_the_same_queue(place: Place) -> None:
    assert SAME.same(spec(place), spec(place))
    one = spec(place)
    assert SAME.same(one, one)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("enabled = True", "enabled = yes"),
        ("[DEFAULT]\n", "# a comment\n[DEFAULT]\n\n"),
        ("[west]\nwmsqueue = west", "[west]\nwmsqueue = elsewhere"),
    ],
)
def test_what_does_not_concern_a_queue_leaves_it_the_same(place: Place, before: str, after: str) -> None:
    old, queues = spec(place), place.folder / "queues.conf"
    assert before in queues.read_text()
    queues.write_text(queues.read_text().replace(before, after))
    assert SAME.same(old, spec(place))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sched.maxtorun.maximum = 2", "sched.maxtorun.maximum = 3"),
        ("schedplugin = Ready, MaxToRun", "schedplugin = MaxToRun, Ready"),
        ("executable.arguments = 300", "executable.arguments = 301"),
        ("apfqueue.sleep = 0.2", "apfqueue.sleep = 0.3"),
        ("[east]\nwmsqueue = east", "[east]\nwmsqueue = west"),
    ],
)
def test_what_a_queue_does_makes_another_of_it(place: Place, before: str, after: str) -> None:
    old, queues = spec(place), place.folder / "queues.conf"
    assert before in queues.read_text()
    queues.write_text(queues.read_text().replace(before, after))
    assert not SAME.same(old, spec(place))


@pytest.mark.parametrize("field", CARRIED)
def test_what_every_pilot_carries_makes_another_of_every_queue(place: Place, field: str) -> None:
    old = spec(place)
    value: Any = ("x@example.org",) if field == "admin_email" else "/x/y"
    factory = old.configuration.factory.model_copy(update={field: value})
    new = QueueSpec(old.queue, replace(old.configuration, factory=factory))
    assert not SAME.same(old, new)
    assert not SAME.same(new, old)


def test_how_states_are_counted_makes_another_of_every_queue(place: Place) -> None:
    old = spec(place)
    new = QueueSpec(old.queue, replace(old.configuration, mappings={"other": {}}))  # type: ignore[arg-type]
    assert not SAME.same(old, new)


def test_sources_are_let_go_by_the_name_they_are_held_under() -> None:
    released: list[str] = []
    made = replace(SAME, sources=SimpleNamespace(release=released.append))  # type: ignore[arg-type]
    made.unmake("queue east, 2nd")
    assert released == ["queue east, 2nd"]
