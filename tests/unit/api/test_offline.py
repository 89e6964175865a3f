"""What is known of a queue without a factory: no more than files say, and nobody is asked unbidden."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.api import offline
from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.pauses import ALL, Pause, Pauses
from place import Place

NOW = datetime.now(UTC)


@pytest.fixture
def configuration(place: Place) -> Configuration:
    return load([str(place.conf)])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the queues whose schedd was asked."""
    names: list[str] = []
    monkeypatch.setattr(offline, "queue_troubles", lambda conf, name, ask, endings: names.append(name))
    return names


def state(configuration: Configuration | None, folder: Path, queue: str, ask: float | None = None) -> Any:
    return offline.offline_state(configuration, folder, queue, ask=ask)


@pytest.mark.parametrize(
    ("queue", "configured", "enabled"),
    [("east", True, True), ("off", True, False), ("wrong", True, None), ("nobody", False, None)],
)
def test_what_the_configuration_says(
    configuration: Configuration, tmp_path: Path, queue: str, configured: bool, enabled: bool | None
) -> None:
    found = state(configuration, tmp_path, queue)
    assert (found.running, found.configured, found.enabled) == (False, configured, enabled)
    assert bool(found.problems) == (queue == "wrong")


def test_without_a_configuration_nothing_is_claimed(tmp_path: Path, asked: list[str]) -> None:
    found = state(None, tmp_path, "east", ask=5)
    assert (found.configured, found.enabled, found.problems, found.troubles) == (None, None, (), None)
    assert asked == []


def test_the_schedd_is_asked_only_when_that_is_wanted(
    configuration: Configuration, tmp_path: Path, asked: list[str]
) -> None:
    state(configuration, tmp_path, "east")
    assert asked == []
    state(configuration, tmp_path, "east", ask=5)
    assert asked == ["east"]


def test_a_pause_of_the_queue_comes_before_one_of_all(configuration: Configuration, tmp_path: Path) -> None:
    pauses = Pauses(tmp_path / "pauses.json")
    assert state(configuration, tmp_path, "east").pause is None
    pauses.set(Pause(ALL, NOW, reason="storm"))
    assert state(configuration, tmp_path, "east").pause.reason == "storm"
    pauses.set(Pause("east", NOW, reason="cooling"))
    assert state(configuration, tmp_path, "east").pause.reason == "cooling"
    assert state(configuration, tmp_path, "west").pause.reason == "storm"


def test_pauses_that_cannot_be_read_count_as_a_pause_of_all(
    configuration: Configuration, tmp_path: Path
) -> None:
    (tmp_path / "pauses.json").mkdir()
    found = state(configuration, tmp_path, "east").pause
    assert (found.queue, found.by) == (ALL, "autopyfactory")
    assert "pauses.json" in found.reason
