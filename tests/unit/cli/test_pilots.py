"""Which pilots are meant is said exactly, and none is removed that nobody agreed to."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autopyfactory.api.pilotquery import Pilot
from autopyfactory.cli import pilots
from autopyfactory.cli.link import ControlError, NotRunning
from autopyfactory.control.server import CommandError
from autopyfactory.model.serialize import to_plain

LISTED = [
    Pilot("7.0", "east", "running", ce="ce1"),
    Pilot("7.1", "east", "held", reason="no [such] proxy"),
]


class Link:
    """Stands for the way to a factory; `down`: none runs; `configuration` is then asked."""

    def __init__(self, **says: Any):
        self.says = says
        self.configuration: Any = None
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, command: str, timeout: float, **arguments: Any) -> Any:
        self.asked.append((command, arguments))
        if isinstance(said := self.says[command], Exception):
            raise said
        return said


def answers(*notes: str, found: int = 2, removed: int = 2) -> Link:
    listed = {"pilots": [to_plain(p) for p in LISTED], "notes": list(notes)}
    return Link(pilots=listed, kill={"found": found, "removed": removed, "notes": list(notes)})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    def run(link: Link, *words: str, **given: Any) -> Result:
        monkeypatch.setattr(pilots, "Link", lambda conf: link)
        return CliRunner().invoke(pilots.command, list(words), **given)

    return run


def test_what_is_listed(run: Any) -> None:
    done = run(answers("s2 does not answer"))
    assert done.exit_code == 0
    assert "7.0" in done.stdout
    assert "no [such] proxy" in done.stdout, "brackets are no markup"
    assert "2 pilots" in done.stdout
    assert "may be more" not in done.stdout
    assert "s2 does not answer" in done.stderr
    assert "may be more" in run(answers(), "--limit", "2").stdout
    assert [p["id"] for p in json.loads(run(answers(), "--json").stdout)["pilots"]] == ["7.0", "7.1"]


@pytest.mark.parametrize(
    ("words", "which"),
    [
        ([], {"states": []}),
        (["--state", "pending", "--state", "held"], {"states": ["idle", "held"]}),
        (["--queue", "east", "--old"], {"states": [], "queue": "east", "older": 8 * 86400}),
        (["--old", "90m"], {"states": [], "older": 5400}),
    ],
)
def test_which_are_meant(run: Any, words: list[str], which: dict[str, Any]) -> None:
    link = answers()
    assert run(link, *words).exit_code == 0
    assert link.asked == [("pilots", {**which, "limit": 1000})]


def test_choosing_before_kill_would_choose_nothing_and_is_refused(run: Any) -> None:
    link = answers()
    assert run(link, "--queue", "east", "kill", "--all-queues", "--yes").exit_code == 2
    for words in ([], ["--queue", "east", "--all-queues"]):
        assert run(link, "kill", "--yes", *words).exit_code == 2
    assert link.asked == []


def test_kill_takes_a_configuration_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    conf, link, asked = tmp_path / "f.conf", answers(), []
    conf.touch()
    monkeypatch.setattr(pilots, "Link", lambda conf: (asked.append(conf), link)[1])
    words = ["kill", "--conf", str(conf), "--queue", "east", "--yes"]
    assert CliRunner().invoke(pilots.command, words).exit_code == 0
    assert asked == [(str(conf),)]
    assert [command for command, _ in link.asked] == ["kill"]


def test_nothing_is_removed_without_a_yes(run: Any) -> None:
    link = answers()
    done = run(link, "kill", "--queue", "east", input="n\n")
    assert done.exit_code == 1
    assert "Remove 2 pilots, 1 of them running?" in done.stdout
    assert run(link, "kill", "--queue", "east", "--dry-run").exit_code == 0
    assert {command for command, _ in link.asked} == {"pilots"}
    assert run(link, "kill", "--queue", "east", "--reason", "old", input="y\n").exit_code == 0
    command, told = link.asked[-1]
    assert (command, told["queue"], told["reason"]) == ("kill", "east", "old")
    assert told["by"]


@pytest.mark.parametrize(
    ("link", "code"), [(answers(), 0), (answers(removed=1), 1), (answers("s2 does not answer"), 1)]
)
def test_what_was_not_removed_is_a_failure(run: Any, link: Link, code: int) -> None:
    done = run(link, "kill", "--all-queues", "--yes")
    assert done.exit_code == code
    assert "of 2 pilots removed" in done.stdout


def test_without_a_factory_the_schedds_are_asked(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    link = Link(pilots=NotRunning("no factory answers"))
    assert "configuration cannot be read" in run(link).stderr
    link.configuration = object()

    def listed(configuration: object, arguments: dict[str, Any]) -> Any:
        assert configuration is link.configuration
        return {"pilots": [], "notes": []}

    monkeypatch.setitem(pilots_api(), "pilots", listed)
    done = run(link)
    assert (done.exit_code, "0 pilots" in done.stdout) == (0, True)
    assert "asking the schedds" in done.stderr

    def refuse(*_: Any) -> Any:
        raise CommandError("there is no queue 'eats'")

    monkeypatch.setitem(pilots_api(), "pilots", refuse)
    done = run(link, "--queue", "eats")
    assert done.exit_code == 1
    assert "there is no queue 'eats'" in done.stderr


def pilots_api() -> dict[str, Any]:
    from autopyfactory.api import pilots

    return pilots.COMMANDS


def test_what_the_factory_refuses_fails(run: Any) -> None:
    done = run(Link(pilots=ControlError("no such state")))
    assert done.exit_code == 1
    assert "no such state" in done.stderr


@pytest.mark.parametrize(
    "words",
    [("--limit", "0"), ("--state", "dead"), ("--old", "soon"), ("kill", "--queue", "east", "--old", "x")],
)
def test_what_makes_no_sense_is_refused_before_anybody_is_asked(run: Any, words: tuple[str, ...]) -> None:
    link = answers()
    assert run(link, *words).exit_code == 2
    assert link.asked == []


def test_when_they_came_to_their_state_is_told_and_what_is_not_known_is_left_out(run: Any) -> None:
    now = datetime.now(UTC)
    old = Pilot("8.0", "west", "idle", since=now - timedelta(hours=30), submitted=now - timedelta(days=2))
    link = Link(pilots={"pilots": [to_plain(old), to_plain(LISTED[0])], "notes": []})
    known, unknown = run(link).stdout.splitlines()[2:4]
    assert "1 d 6 h" in known
    assert f"{old.submitted:%m-%d %H:%MZ}" in known
    assert unknown.split() == ["7.0", "east", "running", "ce1"]


def test_no_answer_to_the_question_is_no_yes(run: Any) -> None:
    link = answers()
    assert run(link, "kill", "--all-queues", input="").exit_code == 1
    assert [command for command, _ in link.asked] == ["pilots"]


def test_a_dry_run_shows_exactly_those_that_a_removal_would_mean(run: Any) -> None:
    choice = ("--queue", "east", "--state", "held", "--old", "2h")
    dry, real = answers(), answers()
    assert "2 pilots would be removed" in run(dry, "kill", *choice, "--dry-run").stdout
    assert run(real, "kill", *choice, "--yes").exit_code == 0
    (_, looked), (_, removed) = dry.asked[0], real.asked[0]
    assert {k: v for k, v in looked.items() if k != "limit"} == {
        k: v for k, v in removed.items() if k not in ("reason", "by")
    }


@pytest.mark.parametrize("refused", [False, True])
def test_the_schedds_that_were_asked_without_a_factory_are_let_go(
    run: Any, monkeypatch: pytest.MonkeyPatch, refused: bool
) -> None:
    closed: list[bool] = []
    monkeypatch.setattr("autopyfactory.why.schedds.close", lambda: closed.append(True))

    def kill(configuration: object, arguments: dict[str, Any]) -> Any:
        assert closed == []
        assert (arguments["queue"], arguments["reason"]) == ("east", "gone")
        if refused:
            raise CommandError("no")
        return {"found": 3, "removed": 3, "notes": []}

    monkeypatch.setitem(pilots_api(), "kill", kill)
    link = Link(kill=NotRunning("no factory answers"))
    link.configuration = object()
    done = run(link, "kill", "--queue", "east", "--yes", "--reason", "gone")
    assert done.exit_code == int(refused)
    assert ("3 of 3 pilots removed" in done.stdout) is not refused
    assert closed == [True]
