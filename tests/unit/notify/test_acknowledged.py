"""Problems that somebody has taken on: until their end, over restarts, and never by accident."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from autopyfactory.notify.acknowledged import Acknowledged, Acknowledgements, NotKept
from contracts.records import T0

HOUR = timedelta(hours=1)


def one(code: str = "ce-down", queue: str = "east", hours: int = 1) -> Acknowledged:
    return Acknowledged(queue, code, T0, T0 + hours * HOUR, "the site works on it", "ann")


def test_each_ends_by_itself_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "acknowledged.json"
    known = Acknowledgements(path)
    known.set([one(), one("held", hours=3), one(queue="west")], T0)
    again = Acknowledgements(path)
    assert set(again.of("east", T0)) == {"ce-down", "held"}
    assert set(again.of("east", T0 + HOUR)) == {"held"}
    assert again.of("north", T0) == {}
    assert again.of("east", T0)["held"].words.startswith("acknowledged by ann until ")
    assert [a.code for a in again.clear("east", ["held"], T0)] == ["held"]
    assert [a.queue for a in Acknowledgements(path).all(T0)] == ["east", "west"]
    assert again.clear("east", [], T0 + 2 * HOUR) == []
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{", "[]", '{"acknowledged": [{}]}', '{"acknowledged": 1}'])
def test_a_damaged_file_is_kept_aside_and_nothing_counts(tmp_path: Path, text: str) -> None:
    path = tmp_path / "acknowledged.json"
    path.write_text(text)
    assert Acknowledgements(path).all(T0) == []
    (aside,) = tmp_path.iterdir()
    assert aside.read_text() == text
    assert "broken" in aside.name


def test_what_cannot_be_kept_is_not_in_force(tmp_path: Path) -> None:
    known = Acknowledgements(tmp_path / "gone" / "acknowledged.json")
    with pytest.raises(NotKept, match="cannot be written"):
        known.set([one()], T0)
    assert known.of("east", T0) == {}
