"""Orders reach the factory as they were given; without a factory they wait for it in its file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest

from autopyfactory.cli import orders
from autopyfactory.cli.link import ControlError, NotRunning
from autopyfactory.pauses import ALL, Pause, Pauses

NOW = datetime.now(UTC)


class Link:
    """Stands for the way to a factory: gives or raises what it was told, and has an empty state."""

    def __init__(self, says: Any, folder: Path, queues: tuple[str, ...] | None = ("east",)):
        self.says, self.state_dir = says, folder
        self.configuration = None if queues is None else SimpleNamespace(queues=queues, broken=("wrong",))
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def ask(self, command: str, **arguments: Any) -> Any:
        self.asked.append((command, arguments))
        if isinstance(self.says, Exception):
            raise self.says
        return self.says

    @property
    def kept(self) -> Pauses:
        return Pauses(self.state_dir / "pauses.json")


@pytest.fixture
def down(tmp_path: Path) -> Link:
    """No factory runs."""
    return Link(NotRunning("no factory answers"), tmp_path)


def give(
    link: Any, kind: str = "pause", name: str = "east", until: Any = None, reason: str = "cooling"
) -> None:
    orders.order(link, kind, name, until, reason)


def test_either_queues_or_all_are_meant() -> None:
    assert orders.targets(("east", "west", "east"), False) == ("east", "west")
    assert orders.targets((), True) == (ALL,)
    for queues, all_queues in (((), False), (("east",), True)):
        with pytest.raises(click.UsageError):
            orders.targets(queues, all_queues)


@pytest.mark.parametrize("kind", ["pause", "drain"])
def test_the_factory_is_told_everything(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = Link({"words": "in force"}, tmp_path)
    end = NOW + timedelta(days=1)  # this file may be read long before the test runs
    give(link, kind, until=end)
    ((command, told),) = link.asked
    assert command == kind
    assert (told["queue"], told["reason"], told["until"]) == ("east", "cooling", end.isoformat())
    assert told["by"]
    assert capsys.readouterr().out == "east: in force\n"
    assert link.kept.all(NOW) == {}, "a factory that runs keeps its own file"


@pytest.mark.parametrize(("kind", "kept"), [("pause", "paused"), ("drain", "draining")])
def test_without_a_factory_it_waits_for_the_next(
    down: Link, capsys: pytest.CaptureFixture[str], kind: str, kept: str
) -> None:
    give(down, kind)
    found = down.kept.get("east", NOW + timedelta(seconds=1))
    assert found is not None
    assert (found.kind, found.reason) == (kept, "cooling")
    said = capsys.readouterr()
    assert "in force when one starts" in said.err
    assert "cooling" in said.out


def test_a_name_that_no_queue_has_is_refused_if_that_can_be_known(down: Link, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        give(down, name="eats")
    assert down.kept.all(NOW) == {}
    give(down, name="wrong")  # a queue with errors may be paused, and all of them
    give(down, name=ALL)
    give(Link(NotRunning(""), tmp_path, queues=None), name="eats")  # the configuration cannot be read
    assert set(down.kept.all(NOW + timedelta(seconds=1))) == {"wrong", ALL, "eats"}


def test_what_is_over_already_is_no_order(tmp_path: Path) -> None:
    link = Link({"words": ""}, tmp_path)
    with pytest.raises(SystemExit) as end:
        give(link, until=NOW - timedelta(seconds=1))
    assert end.value.code == 2
    assert link.asked == []


def test_what_the_factory_refuses_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link: Any = Link(ControlError("disk is full"), tmp_path)
    for act in (give, lambda link: orders.resume(link, "east")):
        with pytest.raises(SystemExit):
            act(link)
        assert "disk is full" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"ended": "paused", "left": None}, ["resumed, no longer paused"]),
        ({"ended": None, "left": None}, ["was not paused"]),
        ({"ended": "paused", "left": "paused: storm"}, ["no longer paused", "still paused: storm", "--all"]),
    ],
)
def test_what_is_left_in_force_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: Any, says: list[str]
) -> None:
    link: Any = Link(answer, tmp_path)
    orders.resume(link, "east")
    said = capsys.readouterr()
    assert all(text in said.out + said.err for text in says)


def test_without_a_factory_its_file_is_changed(down: Any, capsys: pytest.CaptureFixture[str]) -> None:
    down.kept.set(Pause("east", NOW, reason="cooling"))
    down.kept.set(Pause(ALL, NOW, reason="storm"))
    orders.resume(down, "east")
    said = capsys.readouterr()
    assert "cooling" in said.out
    assert "storm" in said.err
    assert set(down.kept.all(NOW + timedelta(seconds=1))) == {ALL}
    orders.resume(down, ALL)
    with pytest.raises(SystemExit):
        orders.resume(down, "eats")
