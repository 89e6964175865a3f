"""What ended pilots left behind: a plugin that cannot remove it costs no cycle and is told once."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.cycle.cleaning import Cleaning
from autopyfactory.cycle.doing import Doing
from autopyfactory.plugins.base import SubmitError
from cycleworld import World
from fakes import FakeClock, Want

LOG = logging.getLogger("autopyfactory.queue.q")


def test_a_complaint_is_told_when_it_is_news(caplog: pytest.LogCaptureFixture) -> None:
    trouble: Exception | None = None

    def cleanup(deadline: float) -> None:
        if trouble is not None:
            raise trouble

    route: Any = SimpleNamespace(words="the batchsubmit plugin X", submit=SimpleNamespace(cleanup=cleanup))
    cleaning = Cleaning([route], Doing(FakeClock()), LOG)

    def told() -> list[str]:
        caplog.clear()
        cleaning.clean_up()
        return [record.getMessage().partition(": ")[2] for record in caplog.records]

    assert told() == []
    trouble = SubmitError("no connection")
    assert (told(), told()) == (["no connection"], [])
    trouble = OSError("no disk")
    assert (told(), told()) == (["the batchsubmit plugin X failed: OSError: no disk"], [])
    trouble = None
    assert told() == []
    trouble = SubmitError("")
    assert told() == ["SubmitError"]


def test_a_plugin_that_cannot_clean_up_costs_no_cycle_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(tmp_path, [Want(1)])

    def refuse(deadline: float) -> None:
        raise OSError("no such process table")

    world.submit.cleanup = refuse  # type: ignore[method-assign]
    world.poll()
    for _ in range(3):
        world.queue._cycle_safely()
    assert [r.outcome for r in world.records] == ["sent", "sent", "sent"]
    assert len([r for r in caplog.records if "no such process table" in r.message]) == 1
