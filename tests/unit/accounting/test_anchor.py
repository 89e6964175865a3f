"""State that is removed or replaced under a running factory is noticed, and when it is back as well."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autopyfactory.accounting.anchor import Anchor


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "ledger.db").write_text("x")
    return folder


def anchor(state: Path) -> Anchor:
    return Anchor([state, state / "ledger.db"])


def test_what_stays_is_not_lost_whatever_is_written_into_it(state: Path) -> None:
    one = anchor(state)
    (state / "ledger.db").open("a").write("more")
    (state / "new").touch()
    assert one.lost() is None


def test_a_removed_file_is_told_by_name(state: Path) -> None:
    one = anchor(state)
    (state / "ledger.db").unlink()
    assert f"{state}/ledger.db is gone" in str(one.lost())


def test_a_folder_that_was_moved_away_and_back(state: Path) -> None:
    one = anchor(state)
    state.rename(state.with_name("aside"))
    assert f"{state} is gone" in str(one.lost())
    state.with_name("aside").rename(state)
    assert one.lost() is None


def test_a_copy_is_not_the_same(state: Path) -> None:
    one = anchor(state)
    shutil.copytree(state, state.with_name("copy"))
    shutil.rmtree(state)
    state.with_name("copy").rename(state)
    assert "another one" in str(one.lost())


def test_what_is_not_there_cannot_be_remembered(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Anchor([tmp_path / "nix"])
