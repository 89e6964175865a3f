"""What is deleted from the pilots' log tree, and above all what is not."""

import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.daemon.cleanlogs import CleanLogs, Retention
from patience import PATIENCE, until

NOW = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)


class StoppedClock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


class Tree:
    """A tree of pilots' logs."""

    def __init__(self, base: Path):
        self.base = base

    def add(self, days_ago: int, queue: str = "Q", quiet: float | None = None) -> Path:
        """Make a queue's folder of some day; `quiet`: days since it was last written."""
        folder = self.base / f"{NOW - timedelta(days=days_ago):%Y-%m-%d}" / queue
        folder.mkdir(parents=True)
        (folder / "1.0.log").write_text("x")
        when = (NOW - timedelta(days=days_ago if quiet is None else quiet)).timestamp()
        for path in (folder / "1.0.log", folder):
            os.utime(path, (when, when))
        return folder

    def clean(self, default: int | None = None, **queues: int) -> tuple[int, tuple[str, ...]]:
        report = CleanLogs(lambda: Retention(self.base, default, queues), StoppedClock()).clean()
        return report.removed, report.errors


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "logs")


def test_older_than_the_days_to_keep_goes(tree: Tree) -> None:
    kept, gone = tree.add(7), tree.add(8)
    assert tree.clean(7) == (1, ())
    assert kept.exists()
    assert not gone.parent.exists(), "the empty day goes as well"


def test_unset_keeps_for_ever(tree: Tree) -> None:
    tree.add(4000)
    assert tree.clean(None) == (0, ())


def test_zero_keeps_today_only(tree: Tree) -> None:
    today, yesterday, before = tree.add(0), tree.add(1, quiet=0.9), tree.add(2)
    assert tree.clean(0) == (1, ())
    assert today.exists()
    assert yesterday.exists(), "written less than a day ago: its pilots may still run"
    assert not before.exists()


def test_the_queues_own_days_beat_the_factorys(tree: Tree) -> None:
    short, long, other = tree.add(5, "short"), tree.add(20, "long"), tree.add(20, "other")
    assert tree.clean(10, short=3, long=30) == (2, ())
    assert not short.exists()
    assert long.exists()
    assert not other.exists(), "a queue without its own days, or unknown, follows the factory"


def test_a_queue_may_be_cleaned_though_the_factory_keeps(tree: Tree) -> None:
    gone, kept = tree.add(5, "a"), tree.add(5, "b")
    assert tree.clean(None, a=1) == (1, ())
    assert (gone.exists(), kept.exists()) == (False, True)


def test_a_folder_still_written_to_is_protected(tree: Tree) -> None:
    running = tree.add(30, quiet=0.1)
    assert tree.clean(7) == (0, ())
    assert running.exists()
    os.utime(running / "1.0.log", (0, 0))
    os.utime(running, (0, 0))
    assert tree.clean(7) == (1, ())


def test_names_are_matched_as_they_are_on_disk(tree: Tree) -> None:
    from autopyfactory.plugins.batchsubmit.logtree import queue_folder

    gone = tree.add(5, queue_folder("site/ce:9619"))
    assert tree.clean(None, **{queue_folder("site/ce:9619"): 1}) == (1, ())
    assert not gone.exists()


def test_what_is_not_ours_stays(tree: Tree, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    for name in ("2026-1-1", "2026-02-30", "notes", "x2026-01-01"):
        (tree.base / name / "Q").mkdir(parents=True)
    day = tree.add(30).parent
    (day / "link").symlink_to(outside)
    (day / "queues.conf").touch()
    (tree.base / "2026-01-02").symlink_to(outside)
    assert tree.clean(0) == (1, ())
    assert (outside / "precious").exists()
    assert (day / "link").is_symlink()
    assert (day / "queues.conf").exists()
    assert len(list(tree.base.iterdir())) == 6


def test_days_to_come_stay(tree: Tree) -> None:
    ahead = tree.add(-3, quiet=400)
    assert tree.clean(0) == (0, ())
    assert ahead.exists()


def test_trouble_in_one_folder_does_not_stop_the_others(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    stuck, gone = tree.add(31, "a"), tree.add(30, "b")
    real = shutil.rmtree

    def rmtree(path: Path) -> None:
        if path == stuck:
            raise PermissionError(13, "Permission denied", str(path))
        real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    removed, errors = tree.clean(1)
    assert removed == 1
    assert len(errors) == 1
    assert str(stuck) in errors[0]
    assert not gone.exists()


def test_no_tree_is_no_trouble(tree: Tree) -> None:
    assert tree.clean(1) == (0, ())


def test_the_thread_cleans_at_once_and_again_and_stops(tree: Tree) -> None:
    first = tree.add(30)
    seen = threading.Semaphore(0)

    def policy() -> Retention:
        seen.release()
        if first.exists():
            return Retention(tree.base, 1)
        raise RuntimeError("a pass that fails is not the last")

    cleaner = CleanLogs(policy, StoppedClock(), interval=0.01)
    cleaner.start()
    assert all(seen.acquire(timeout=PATIENCE) for _ in range(4))
    assert not first.exists()
    cleaner.stop()
    until(lambda: "clean logs" not in {t.name for t in threading.enumerate()})


@given(st.integers(0, 60), st.floats(0, 60), st.none() | st.integers(0, 40), st.none() | st.integers(0, 40))
def test_nothing_goes_before_its_time(
    tmp_path_factory: pytest.TempPathFactory, age: int, quiet: float, default: int | None, own: int | None
) -> None:
    tree = Tree(tmp_path_factory.mktemp("t"))
    folder = tree.add(age, "Q", min(quiet, age))
    tree.clean(default, **({} if own is None else {"Q": own}))
    days = default if own is None else own
    due = days is not None and age > days and min(quiet, age) > max(1, days)
    assert folder.exists() == (not due)
