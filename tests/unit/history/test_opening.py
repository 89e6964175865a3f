"""A history is opened when there is one; what keeps us from reading it is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.history.opening import last_cycles, open_history
from autopyfactory.history.place import HistoryError
from autopyfactory.history.writer import HistoryWriter
from contracts.records import T0, cycle


def options(state: Path, url: str | None = None) -> Any:
    return SimpleNamespace(history_url=url, state_dir=str(state), factory_id="f")


def keep(url: str, *numbers: int) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle("east", n, T0 + timedelta(minutes=n)) for n in numbers])
    writer.close()


def test_there_is_none_before_the_first_cycle(path: Path) -> None:
    with pytest.raises(HistoryError, match="no history yet"):
        open_history(options(path.parent))
    assert not path.exists(), "looking makes none"


def test_one_in_the_state_folder_or_at_a_url(path: Path, url: str, tmp_path: Path) -> None:
    keep(url, 1)
    for found in (options(path.parent), options(tmp_path, url)):
        reader = open_history(found)
        assert reader.queues() == ["east"]
        reader.close()


def test_the_last_cycles_oldest_first(path: Path, url: str) -> None:
    keep(url, 1, 2, 3)
    found, problem = last_cycles(lambda: open_history(options(path.parent)), "east", 2)
    assert [c.started.minute for c in found] == [2, 3]
    assert problem is None
    before = last_cycles(lambda: open_history(options(path.parent)), "east", 5, T0 + timedelta(minutes=2))[0]
    assert [c.started.minute for c in before] == [1, 2]


def test_what_cannot_be_read_is_told(path: Path) -> None:
    path.write_text("no database")
    found, problem = last_cycles(lambda: open_history(options(path.parent)), "east", 2)
    assert found == []
    assert problem
