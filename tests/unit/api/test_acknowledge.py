"""Somebody takes on what is wrong: it is shown, counts no more, and what is new is news."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.api import acknowledge
from autopyfactory.api.commands import answer
from autopyfactory.api.rows import row_from_dict
from autopyfactory.control.server import CommandError
from patience import until
from place import Place

BROKEN = "[lost]\nwmsqueue = east\nwmsstatus.file.path = {folder}/none.json\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("acknowledge"))
    made.configure(BROKEN.format(folder=made.folder))
    made.start()
    yield made
    made.stop()
    made.kill_pilots()


def row(place: Place, name: str) -> dict[str, Any]:
    (found,) = json.loads(place.run("status", name, "--json").stdout)["queues"]
    return dict(found)


def test_a_problem_is_taken_on_shown_and_given_back(place: Place) -> None:
    until(lambda: [p["code"] for p in row(place, "lost")["problems"]] == ["wms-down"])
    assert place.run("status", "lost", "--check", code=2).stdout.startswith("CRITICAL")
    said = place.run("acknowledge", "lost", "--reason", "they mend \x1b[31mthe file", "--until", "3d").stdout
    assert "wms-down acknowledged by " in said
    assert "\x1b" not in said
    taken = row(place, "lost")
    assert list(taken["acknowledged"]) == ["wms-down"]
    assert taken["problems"], "it is still told"
    check = place.run("status", "lost", "--check").stdout
    assert check.startswith("OK")
    assert "they mend" in check
    assert "they mend" in place.run("status", "lost").stdout
    place.wait_kept("lost", "they mend")
    assert "wms-down was acknowledged" in place.run("acknowledge", "lost", "--end").stdout
    assert place.run("status", "lost", "--check", code=2).stdout.startswith("CRITICAL")
    assert "nothing was" in place.run("acknowledge", "lost", "--end").stdout


def test_what_else_goes_wrong_is_news(place: Place) -> None:
    factory = place._running[0]  # type: ignore[index]
    until(lambda: row(place, "lost")["problems"])
    answer(factory, "acknowledge", {"queue": "lost", "codes": ["wms-down"], "reason": "x", "by": "ann"})
    known = row_from_dict(row(place, "lost"))
    assert known.news == ()
    assert known.problem is not None and "acknowledged by ann" in known.problem
    answer(factory, "unacknowledge", {"queue": "lost", "codes": ["something-else"]})
    assert row(place, "lost")["acknowledged"], "the other one stays"
    answer(factory, "unacknowledge", {"queue": "lost"})


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"queue": "lost"}, "reason is missing"),
        ({"queue": "lost", "reason": "  "}, "reason is missing"),
        ({"queue": "loost", "reason": "x"}, "did you mean lost"),
        ({"queue": "west", "reason": "x"}, "nothing is wrong with west"),
        ({"queue": "lost", "reason": "x", "codes": ["ce-down"]}, "ce-down is not wrong with lost"),
        ({"queue": "lost", "reason": "x", "codes": "wms-down"}, "no list"),
        ({"queue": "lost", "reason": "x", "until": "2020-01-01T00:00:00+00:00"}, "over already"),
        ({"queue": "lost", "reason": "x", "until": "2120-01-01T00:00:00+00:00"}, "more than 90 days"),
        ({"queue": "lost", "reason": "x", "until": "tomorrow"}, "not a time"),
        ({"queue": "lost", "reason": "x", "until": "2026-12-01T00:00:00"}, "without a zone"),
    ],
)
def test_what_makes_no_sense_changes_nothing(place: Place, given: dict[str, Any], says: str) -> None:
    factory = place._running[0]  # type: ignore[index]
    until(lambda: row(place, "lost")["problems"])
    with pytest.raises(CommandError, match=says):
        answer(factory, "acknowledge", given)
    assert factory.acknowledged.all(datetime.now(UTC) - timedelta(days=1)) == []


def test_the_command_wants_a_reason_and_a_factory(tmp_path: Path) -> None:
    down = Place(tmp_path)
    assert "--reason is wanted" in down.run("acknowledge", "east", code=2).output
    assert "no factory" in down.run("acknowledge", "east", "--reason", "x", code=1).output.lower()


def test_what_is_mailed_can_be_taken_on_though_nobody_has_to_act(place: Place) -> None:
    factory = place._running[0]  # type: ignore[index]
    until(lambda: factory.queues["west"].last)
    failed = replace(factory.queues["west"].last, outcome="failed", reason="may or may not be gone", sent=())
    seen = SimpleNamespace(
        queues={"west": SimpleNamespace(last=failed)},
        credentials=SimpleNamespace(troubled=lambda name: name == "east"),
    )
    given = (("west", ["not-taken-back"]), ("east", ["credential"]))
    with pytest.MonkeyPatch.context() as during:
        during.setattr(acknowledge, "known_state", lambda factory, name: None)
        assert [(name, acknowledge._wrong(seen, name)) for name, _ in given] == list(given)  # type: ignore[arg-type]
