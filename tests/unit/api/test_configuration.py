"""`plan` tells what `reload` then does, `dump` what is in force; only `reload` changes what runs."""

from __future__ import annotations

from typing import Any

import pytest

from autopyfactory.api.commands import answer
from autopyfactory.control.server import CommandError
from patience import until
from place import Place


@pytest.fixture
def factory(place: Place) -> Any:
    made = place.start()
    until(lambda: made.queues["east"].last.inputs.batch.running == 2)
    return made


def rewrite(place: Place, old: str, new: str) -> None:
    file = place.folder / "queues.conf"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_a_plan_is_what_a_reload_does(place: Place, factory: Any) -> None:
    assert "No change" in answer(factory, "plan", {})["text"]
    rewrite(place, "[west]\nwmsqueue = west\n", "[more]\nwmsqueue = east\nsched.maxtorun.maximum = 4\n")
    plan = answer(factory, "plan", {})
    assert plan["accepted"]
    assert "would send 4" in plan["text"]
    assert set(factory.queues) == {"east", "west"}, "a plan changes nothing"
    done = answer(factory, "reload", {})
    assert done["applied"]
    for name in ("more", "west"):
        assert name in plan["text"]
        assert name in done["text"]
    until(lambda: set(factory.queues) == {"east", "more"})


def test_what_only_a_start_takes_up_is_said_by_both(place: Place, factory: Any) -> None:
    before = answer(factory, "plan", {})["problems"]
    place.configure(reports__listen="127.0.0.1:1")
    plan, done = answer(factory, "plan", {}), answer(factory, "reload", {})
    assert (plan["accepted"], done["applied"]) == (True, True)
    for said in (plan, done):
        (problem,) = set(said["problems"]) - set(before)
        assert "warning: [Factory] reports.listen: what changed counts from the next start" in problem
    assert answer(factory, "reload", {})["problems"] == done["problems"], "it is said as long as it waits"


def test_a_configuration_with_an_error_is_refused_by_both(place: Place, factory: Any) -> None:
    rewrite(place, "sched.maxtorun.maximum = 2", "sched.maxtorun.maximum = many")
    plan, done = answer(factory, "plan", {}), answer(factory, "reload", {})
    assert (plan["accepted"], done["applied"]) == (False, False)
    for said in (plan, done):
        assert any("sched.maxtorun.maximum" in p for p in said["problems"])
    assert set(factory.queues) == {"east", "west"}


def test_files_that_cannot_be_read_are_refused_by_both(place: Place, factory: Any) -> None:
    place.conf.unlink()
    plan, done = answer(factory, "plan", {}), answer(factory, "reload", {})
    assert (plan["accepted"], plan["text"]) == (False, "")
    assert (done["applied"], done["text"]) == (False, "")
    assert str(place.conf) in plan["problems"][0]


def test_what_is_left_of_a_queue_that_goes_is_told(place: Place, factory: Any) -> None:
    rewrite(place, "[east]\nwmsqueue = east\n", "[east]\nenabled = False\nwmsqueue = east\n")
    assert "2 running" in answer(factory, "plan", {})["text"]
    assert "2 running" in answer(factory, "reload", {"allow_empty": True})["text"]


def test_dump_tells_what_is_in_force_not_what_is_on_disk(place: Place, factory: Any) -> None:
    rewrite(place, "sched.maxtorun.maximum = 2", "sched.maxtorun.maximum = 9")
    said = answer(factory, "dump", {"queue": "east"})
    assert "sched.maxtorun.maximum = 2" in said["text"]
    assert said["data"]
    with pytest.raises(CommandError, match="no such queue: eats"):
        answer(factory, "dump", {"queue": "eats"})
