"""Listing and removing pilots: of the queues that are meant; what failed is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autopyfactory.api import pilots
from autopyfactory.condor.errors import Unreachable
from autopyfactory.condor.target import Target
from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.control.server import CommandError

FACTORY = (
    "[Factory]\nfactoryId = f1\nbaseLogDir = {folder}\nstatedir = {folder}\nqueueConf = {folder}/q.conf\n"
)
QUEUE = """[{name}]
enabled = True
batchstatusplugin = Condor
batchsubmitplugin = CondorLocal
batchstatus.condor.schedd = {schedd}
batchstatus.condor.collector = 127.0.0.1:1
schedplugin = Fixed
executable = /bin/true
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "f.conf").write_text(FACTORY.format(folder=tmp_path))
    (tmp_path / "q.conf").write_text(
        QUEUE.format(name="a", schedd="s1")
        + QUEUE.format(name="b", schedd="s1")
        + QUEUE.format(name="c", schedd="s2")
    )
    return load([str(tmp_path / "f.conf")])


class Schedds:
    """Answers for every schedd, but for those that are down."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.asked: list[tuple[str, Any]] = []
        self.reasons: list[str] = []
        self.down: set[str] = set()
        self.wrong: str | None = None
        monkeypatch.setattr(pilots, "reporting_client", lambda target: target)
        monkeypatch.setattr(pilots, "listed", self.listed)
        monkeypatch.setattr(pilots, "remove", self.remove)

    def _look(self, target: Target, wanted: Any) -> None:
        self.asked.append((target.schedd, wanted))
        if target.schedd in self.down:
            raise Unreachable("no answer", target)
        if self.wrong:
            raise ValueError(self.wrong)

    def listed(self, target: Target, factory: str, wanted: Any, *, limit: int, deadline: float) -> list[Any]:
        assert factory == "f1"
        self._look(target, wanted)
        return []

    def remove(
        self, target: Target, factory: str, wanted: Any, *, reason: str, deadline: float
    ) -> tuple[int, int]:
        self._look(target, wanted)
        self.reasons.append(reason)
        return 3, 2


@pytest.fixture
def schedds(monkeypatch: pytest.MonkeyPatch) -> Schedds:
    return Schedds(monkeypatch)


def test_each_schedd_is_asked_once_and_only_those_of_the_queue_that_is_meant(
    configuration: Configuration, schedds: Schedds
) -> None:
    pilots.pilots(configuration, {})
    assert sorted(name for name, _ in schedds.asked) == ["s1", "s2"]
    schedds.asked.clear()
    pilots.pilots(configuration, {"queue": "c", "states": ["held"], "older": 60})
    ((name, wanted),) = schedds.asked
    assert (name, wanted.queue, wanted.states) == ("s2", "c", ("held",))
    assert wanted.older.total_seconds() == 60


def test_a_schedd_that_does_not_answer_costs_its_own_pilots_only(
    configuration: Configuration, schedds: Schedds
) -> None:
    schedds.down = {"s1"}
    (note,) = pilots.pilots(configuration, {})["notes"]
    assert "not all pilots are listed" in note
    said = pilots.kill(configuration, {"by": "me"})
    assert (said["found"], said["removed"]) == (3, 2)
    assert "perhaps not all were removed" in said["notes"][0]


@pytest.mark.parametrize(
    ("by", "reason", "words"),
    [
        ("me", "too old", "AutoPyFactory: removed by me: too old"),
        ("me", "", "AutoPyFactory: removed by me"),
        (None, None, "AutoPyFactory: removed by ?"),
        ("me", "a\nforged\tline", "AutoPyFactory: removed by me: a forged line"),
    ],
)
def test_who_and_why_goes_into_the_ads_as_one_line(
    configuration: Configuration, schedds: Schedds, by: str, reason: str, words: str
) -> None:
    said = pilots.kill(configuration, {"by": by, "reason": reason})
    assert (said["found"], said["removed"]) == (6, 4)
    assert schedds.reasons == [words] * 2


def test_what_cannot_be_asked_for_is_an_error_and_asks_nobody(
    configuration: Configuration, schedds: Schedds
) -> None:
    for act in (pilots.pilots, pilots.kill):
        with pytest.raises(CommandError, match="there is no queue 'd'"):
            act(configuration, {"queue": "d"})
    assert schedds.asked == []
    schedds.wrong = "no such state"
    for act in (pilots.pilots, pilots.kill):
        with pytest.raises(CommandError, match="no such state"):
            act(configuration, {})
