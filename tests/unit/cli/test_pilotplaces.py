"""`pilots places`, `adopt` and `forget`: six numbers with their ages for each place, and orders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autopyfactory.cli import pilotplaces
from autopyfactory.cli.link import ControlError, NotRunning

PLACE = {
    "place": "ap.example.org", "identity": "ap at host, job queue of 1", "unresolved": 0, "queues": {},
    "open": 30, "open_age": 7300.0, "shown": 21, "age": 12.0, "unseen": 4, "unseen_age": 9.0,
    "missing": 5, "missing_age": 130.0, "foreign": 3, "foreign_age": 3600.0, "lost": 2, "lost_age": 90000.0,
    "stranger_age": None, "holds": ["3 pilots are not from this book"],
}  # fmt: skip
NEW = PLACE | {k: None for k in PLACE if k.endswith("age")} | {
    "place": "new", "open": 0, "shown": 0, "unseen": 0, "missing": 0, "foreign": 0, "lost": 0, "holds": [],
}  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, command: Any, says: Any, *words: str) -> tuple[Result, list[Any]]:
    asked: list[Any] = []

    class Link:
        def __init__(self, conf: object):
            pass

        def ask(self, name: str, timeout: float, **arguments: Any) -> Any:
            asked.append((name, arguments))
            if isinstance(says, Exception):
                raise says
            return says

    monkeypatch.setattr(pilotplaces, "Link", Link)
    return CliRunner().invoke(command, list(words)), asked


def test_six_numbers_with_their_ages_and_what_holds_a_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = run(monkeypatch, pilotplaces.places, {"places": [PLACE, NEW]})
    head, _, first, second, held = result.output.splitlines()
    assert head.split() == ["place", "open", "shown", "not", "yet", "visible", "missing", "foreign", "lost"]
    assert " ".join(first.split()) == (
        "ap.example.org 30 (2 h 1 min) 21 (12 s) 4 (9 s) 5 (2 min 10 s) 3 (1 h) 2 (1 d 1 h)"
    )
    assert second.split() == ["new", "0", "never", "asked", "0", "0", "0", "0"]
    assert held == "nothing is sent to ap.example.org: 3 pilots are not from this book"


def test_programs_get_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = run(monkeypatch, pilotplaces.places, {"places": [PLACE]}, "--json")
    assert json.loads(result.output)["places"] == [PLACE]


@pytest.mark.parametrize("error", [NotRunning("no factory answers"), ControlError("no such place")])
def test_without_a_factory_there_is_no_book(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    for command, words in ((pilotplaces.places, []), (pilotplaces.adopt, ["x"])):
        result, _ = run(monkeypatch, command, error, *words)
        assert result.exit_code != 0 and str(error) in result.output


def test_pilots_are_forgotten_only_when_that_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    says = {"place": "ap.example.org", "pilots": 7}
    result, asked = run(monkeypatch, pilotplaces.forget, says, "ap.example.org")  # no answer to the question
    assert (result.exit_code, asked) == (1, [])
    result, asked = run(monkeypatch, pilotplaces.forget, says, "ap.example.org", "--yes")
    assert asked[0][0] == "forget" and "7 pilots at ap.example.org count as lost" in result.output
