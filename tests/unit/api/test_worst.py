"""The worst queues: from the file, from the factory, or neither; ordered by any column."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import webkit
from autopyfactory.accounting.tally import Tally
from autopyfactory.api import worst
from autopyfactory.api.answers import Unknown
from autopyfactory.control.server import CommandError
from endingkit import tallied


def test_the_file_is_read_and_the_factory_left_alone(tmp_path: Path) -> None:
    tallied(tmp_path)
    access = webkit.FakeAccess(tmp_path)
    rows = worst.ranked(worst.worst(access, "2h"), "wasted_hours")
    assert [r.queue for r in rows] == ["worse", "bad", "good"]
    assert (rows[0].failed_percent, rows[0].wasted_hours, rows[0].wasted_percent) == (80.0, 4.0, 80.0)
    assert access.asked == []


def test_who_may_not_read_the_file_asks_the_factory(tmp_path: Path) -> None:
    tallied(tmp_path)
    factory: Any = SimpleNamespace(state_dir=tmp_path)
    access = webkit.FakeAccess(tmp_path / "elsewhere")
    access.answers["worst"] = lambda arguments: worst.answer(factory, arguments)
    assert {r.queue: r.failed for r in worst.worst(access, "week")} == {"good": 0, "bad": 1, "worse": 4}
    del access.answers["worst"]
    with pytest.raises(Unknown, match=r"No such file.*no factory answers"):
        worst.worst(access, "week")


@pytest.mark.parametrize("hours", [0, -1, "x", 1e9, None])
def test_a_window_that_is_none_is_refused(tmp_path: Path, hours: Any) -> None:
    with pytest.raises(CommandError, match="hours is no number"):
        worst.answer(SimpleNamespace(state_dir=tmp_path), {"hours": hours})  # type: ignore[arg-type]


def test_every_column_orders_and_others_are_told() -> None:
    rows = [worst.row_of(Tally("a")), worst.row_of(Tally("b", ended=2, failed=1, seconds=7200.0))]
    for column in worst.COLUMNS:
        assert len(worst.ranked(rows, column)) == 2
    assert [r.queue for r in worst.ranked(rows, "failed_percent", up=True)] == ["a", "b"]
    assert rows[0].failed_percent is None
    with pytest.raises(ValueError, match="there is no column"):
        worst.ranked(rows, "beauty")
