"""The page on the architecture names files that exist, few for each change, and every room."""

import re
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
PAGE = (TOP / "docs/architecture.md").read_text()
CHANGES = re.findall(
    r"^\| ([^|]+) \| ([^|]+) \|$",
    PAGE.partition("## Where to change what")[2].partition("\n## ")[0],
    re.MULTILINE,
)[1:]


def test_the_twelve_changes_are_there() -> None:
    assert len(CHANGES) >= 12


@pytest.mark.parametrize(("change", "places"), CHANGES, ids=[change for change, _ in CHANGES])
def test_each_change_has_at_most_three_files_that_exist(change: str, places: str) -> None:
    files = re.findall(r"`([\w./-]+/[\w.-]+|pyproject\.toml)`", places)
    assert 1 <= len(files) <= 3
    for name in files:
        assert (TOP / "autopyfactory" / name).is_file() or (TOP / name).is_file(), name


def test_every_room_is_on_the_page() -> None:
    settings = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [c["layers"] for c in settings["contracts"] if c["type"] == "layers"]
    rooms = {layer.strip("()") for layer in layers}
    there = {p.name for p in (TOP / "autopyfactory").iterdir() if p.is_dir() and p.name != "__pycache__"}
    named = set(re.findall(r"`(\w+)/`", PAGE.partition("## Where to change what")[0]))
    assert there <= rooms
    assert there <= named
