"""State that is removed or replaced under a running factory is noticed, and when it is back as well."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from autopyfactory.accounting import anchor as module
from autopyfactory.accounting.anchor import Anchor, AnchorWatch
from patience import PATIENCE, until


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


def test_a_file_system_that_hangs_delays_nobody_and_is_told(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never, looking = threading.Event(), threading.Event()

    class Hung(Anchor):
        def lost(self) -> str | None:
            looking.set()
            never.wait()
            return None

    watch = AnchorWatch(Hung([state]))
    assert watch.lost() is None
    watch.start()
    try:
        assert looking.wait(PATIENCE)
        assert watch.lost() is None, "it may well answer"
        monkeypatch.setattr(module, "PATIENCE", -1.0)
        assert "does not answer" in str(watch.lost())
    finally:
        watch.stop()
        never.set()


def test_the_watch_sees_what_is_gone_and_what_is_back(state: Path) -> None:
    watch = AnchorWatch(Anchor([state]))
    watch.start()
    try:
        state.rename(state.with_name("aside"))
        until(watch.lost, "the loss to be seen")
        state.with_name("aside").rename(state)
        until(lambda: watch.lost() is None, "all to be well again")
    finally:
        watch.stop()
