"""`health`: what the factory says of itself, and that it says when it cannot work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api.commands import answer
from autopyfactory.api.health import _caps, _problems
from autopyfactory.model.decision import Cap
from autopyfactory.sources.source import Trouble
from patience import PATIENCE, until
from place import Place


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = Place(tmp_path_factory.mktemp("factory"))
    place.configure("\n[capped]\nschedplugin = Ready, MaxPerFactory\n", maxperfactory__maximum="7")
    made = place.start()
    yield made
    place.stop()
    place.kill_pilots()


def health(factory: Any) -> dict[str, Any]:
    said: dict[str, Any] = answer(factory, "health", {})
    json.dumps(said)
    return said


def test_a_factory_that_works_has_no_problems(factory: Any) -> None:
    until(lambda: not health(factory)["problems"])
    said = health(factory)
    assert {s["source"].split()[0] for s in said["sources"]} == {"File", "processes"}
    assert all(s["fresh"] and s["fetches"] > 0 and s["failures"] == 0 for s in said["sources"])
    assert said["caps"][0]["limit"] == 7
    assert said["caps"][0]["used"] is not None
    assert (
        said["cycles"]["cycles"] == sum(said["cycles"]["buckets"]) == sum(said["cycles"]["outcomes"].values())
    )


def test_a_source_that_is_too_old_is_a_problem(factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (source,) = [s for s in factory.sources.all() if s.label.startswith("File")]
    source.stop()  # a poll under way would put its own answer in the place of ours
    assert source.join(PATIENCE)
    monkeypatch.setattr(source, "maxage", 0.0)
    (words,) = [p for p in health(factory)["problems"] if p.startswith("File")]
    assert words.endswith("s old")
    trouble = Trouble("gone", factory.clock.now(), 3)
    monkeypatch.setattr(source, "state", replace(source.state, snapshot=None, trouble=trouble))
    said = health(factory)
    assert any("has no answer: gone" in p for p in said["problems"])
    (shown,) = [s for s in said["sources"] if s["source"].startswith("File")]
    assert (shown["fresh"], shown["age"], shown["error"]) == (False, None, "gone")


def test_queues_that_stand_still_are_a_problem(factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = factory.queues["west"]
    old = replace(queue.last, started=queue.last.started - timedelta(hours=2))
    with factory._lock:  # else it starts another one in its place
        queue.stop()
        assert queue.join(PATIENCE)
        monkeypatch.setattr(queue, "last", old)
        assert any("no cycle" in p for p in health(factory)["problems"])


def test_a_queue_that_is_merely_slow_does_not_stand_still(factory: Any) -> None:
    queue = factory.queues["east"]
    allowed = health_limit(queue)
    now = factory.clock.now()
    for seconds, late in ((allowed - 30, False), (allowed + 30, True)):
        last = replace(queue.last, started=now - timedelta(seconds=seconds))
        shown = {"east": SimpleNamespace(last=last, config=queue.config)}
        made: Any = SimpleNamespace(neighbours=SimpleNamespace(blocked=lambda: ()), queues=shown)
        assert any("no cycle" in words for words in _problems(made, [], now)) is late


def health_limit(queue: Any) -> float:
    """Three periods and a minute, in seconds."""
    return float(3 * queue.config.options.sleep + 60)


def test_what_forbids_every_queue_to_send_is_told_first(
    factory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factory.room, "full", lambda: ("the state folder is gone",))
    assert health(factory)["problems"][0] == "the state folder is gone"


def test_the_smallest_limit_of_a_scope_is_the_one_that_holds() -> None:
    def queue(*caps: Cap, ce: str = "ce1:9619") -> Any:
        rule = SimpleNamespace(caps=lambda: caps)
        return SimpleNamespace(parts=SimpleNamespace(chain=[rule], ces=(ce,)))

    queues = {
        "a": queue(Cap("factory", 100, "MaxPerFactory"), Cap("ce", 9, "MaxPerCE")),
        "b": queue(Cap("factory", 70, "MaxPerFactory"), Cap("ce", 5, "MaxPerCE")),
        "c": queue(Cap("ce", 3, "MaxPerCE"), ce="ce2:9619"),
        "d": queue(),
    }
    used = {"ce:ce1:9619": 4, "ce:ce2:9619": 0, "factory": 33}
    made: Any = SimpleNamespace(queues=queues, book=SimpleNamespace(active=used.__getitem__))
    assert [(c["scope"], c["limit"], c["used"]) for c in _caps(made)] == [
        ("ce:ce1:9619", 5, 4),
        ("ce:ce2:9619", 3, 0),
        ("factory", 70, 33),
    ]
