"""`status`: the table says what the rows say, from the factory or else from the history."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autopyfactory.api.rows import queue_row
from autopyfactory.cli import status
from autopyfactory.cli.link import ControlError
from autopyfactory.history import HistoryWriter
from autopyfactory.history.store import default_url
from autopyfactory.notify.trends import Trend
from contracts.records import T0, cycle
from place import Place

ROWS = [
    queue_row("east", cycle(ready=5, held=2), trend=Trend(ready=-3, since=T0), sent=70),
    queue_row("west", cycle(ready=50, outcome="failed")),
    queue_row("wrong", None, state="broken", problem="no [such] plugin"),
]


def answer(**more: Any) -> dict[str, Any]:
    """Return what a factory says, with `more`."""
    return {
        "factory": "f1",
        "at": (T0 + timedelta(minutes=3)).isoformat(),
        "started": T0.isoformat(),
        "queues": [row.as_dict() for row in ROWS],
        "pauses": {},
        "notes": [],
        **more,
    }


class Link:
    """Stands for the way to a factory: says what it was told, or raises it."""

    def __init__(self, says: Any):
        self.says = says
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, command: str, *args: Any, **arguments: Any) -> Any:
        self.asked.append((command, arguments))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def run(monkeypatch: pytest.MonkeyPatch, says: Any, *words: str) -> Result:
    link = Link(says)
    monkeypatch.setattr(status, "Link", lambda conf: link)
    return CliRunner().invoke(status.command, list(words))


def line(text: str, queue: str) -> str:
    (found,) = (x for x in text.splitlines() if x.startswith(queue))
    return found


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, answer())
    assert result.exit_code == 0, result.output
    assert line(result.output, "east").split()[:7] == ["east", "5", "-3", "12", "100", "2", "70"]
    assert "failed" in line(result.output, "west")
    assert line(result.output, "wrong").split()[1:6] == ["?"] * 5, "nothing is known, which is not zero"
    assert "broken: no [such] plugin" in result.output, "brackets are no markup"
    assert "f1" in result.output.splitlines()[0]
    assert "longest" not in result.output


def test_rows_are_chosen_and_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    data = json.loads(run(monkeypatch, answer(), "--sort", "ready", "--json").output)
    assert data["queues"][0]["queue"] == "west"
    data = json.loads(run(monkeypatch, answer(), "--filter", "held>0", "--json").output)
    assert [r["queue"] for r in data["queues"]] == ["east"]
    wrong = run(monkeypatch, answer(), "--filter", "colour=red")
    assert wrong.exit_code == 2
    assert "there is no column" in wrong.output


def test_how_long_pilots_wait_is_shown_when_that_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    old = replace(ROWS[0], oldest_pending=T0 - timedelta(hours=2), full=True)
    result = run(monkeypatch, answer(queues=[old.as_dict()]), "--longest")
    assert "longest pending" in result.output
    assert "2 h 3 min" in line(result.output, "east")
    assert "yes" in line(result.output, "east")


def test_notes_and_a_pause_of_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, answer(notes=["monitor: [x] refused"], pauses={"*": "paused: storm"}))
    assert "monitor: [x] refused" in result.output
    assert "all queues: paused: storm" in result.output


def test_what_a_factory_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, ControlError("there is no queue 'eats'"), "eats")
    assert result.exit_code == 1
    assert "there is no queue 'eats'" in result.output


def test_without_a_factory_and_a_history_it_says_so(place: Place) -> None:
    result = place.run("status", code=1)
    assert "no factory answers" in result.stderr


def test_without_a_factory_the_history_tells(place: Place) -> None:
    (place.folder / "state").mkdir(mode=0o700)
    writer = HistoryWriter(default_url(place.folder / "state"), place.name)
    writer.deliver([cycle("east", ready=5, at=T0)])
    writer.close()
    data = place.json("status")
    assert data["started"] is None
    assert [(r["queue"], r["state"]) for r in data["queues"]] == [("east", "stopped")]
    assert "(no factory runs: from the history)" in " ".join(place.run("status").stdout.split())
    assert "nothing is kept about west" in place.run("status", "west", code=1).stderr
