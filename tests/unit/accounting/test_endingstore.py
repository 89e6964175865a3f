"""What is kept of endings on disk: bounded, and only what this release can read."""

import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from autopyfactory.accounting import endingstore
from autopyfactory.accounting.endingstore import EndingStore
from autopyfactory.accounting.lately import WINDOW
from autopyfactory.model.ending import Account
from endingkit import T, Uptime, ended


def test_they_are_read_as_they_were_written(tmp_path: Path) -> None:
    store = EndingStore(tmp_path / "endings.db")
    account = Account("ok", "node8")
    endings = [ended(9, account=account), ended(8, "failed", said="no disk"), ended(7, "dropped")]
    store.put(endings, complete=False)
    store.put(endings[1:], complete=True)
    store.close()
    assert list(EndingStore(tmp_path / "endings.db").load()) == [
        (endings[0], False),
        (endings[1], True),
        (endings[2], True),
    ]


def test_only_the_window_and_the_last_of_a_queue_stay_on_disk(tmp_path: Path) -> None:
    uptime = Uptime()
    store = EndingStore(tmp_path / "endings.db", uptime.judge())
    store.put([ended(n) for n in range(300)], complete=True)
    store.put([ended(n, queue="B", job=f"18.{n}", at=T - 2 * WINDOW) for n in range(300)], complete=True)
    store.prune(T)
    kept = [e.queue for e, _ in store.load()]
    assert (kept.count("A"), kept.count("B")) == (300, 100)
    uptime.at += 30 * 86400
    store.prune(T + 30 * 86400)
    assert list(store.load()) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_set_far_ahead_deletes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, restarted: bool
) -> None:
    uptime, later = Uptime(), T + 30 * 86400
    store = EndingStore(tmp_path / "endings.db", uptime.judge())
    store.put([ended(n) for n in range(3)], complete=True)
    store.prune(T)
    if restarted:
        store.close()
        monkeypatch.setattr(endingstore, "time", SimpleNamespace(time=lambda: later))
        store = EndingStore(tmp_path / "endings.db", uptime.judge())
    store.prune(later)
    assert len(list(store.load())) == 3
    uptime.at += 600
    store.prune(T + 600)
    assert len(list(store.load())) == 3, "nor when it has been set back"
    store.prune(later)
    uptime.at += 86401
    store.prune(later + 86401)
    assert list(store.load()) == [], "what nobody has contradicted for a day is believed"


def test_what_a_schedd_with_a_wrong_clock_told_does_not_stay_for_years(tmp_path: Path) -> None:
    store = EndingStore(tmp_path / "endings.db")
    store.put([ended(n, at=T + 5 * 365 * 86400 + n) for n in range(300)], complete=True)
    store.put([ended(1000, at=T + 3600)], complete=True)
    store.prune(T)
    assert [e.job for e, _ in store.load()] == ["17.1000"]


def test_rows_of_another_release_are_left_out(tmp_path: Path) -> None:
    store = EndingStore(tmp_path / "endings.db")
    store.put([ended(1)], complete=True)
    store.close()
    db = sqlite3.connect(tmp_path / "endings.db")
    db.execute("PRAGMA user_version=7")
    db.commit()
    db.close()
    assert list(EndingStore(tmp_path / "endings.db").load()) == []


def test_text_that_is_none_is_not_kept_and_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = EndingStore(tmp_path / "endings.db")
    store.put([ended(1, queue="\ud800")], complete=True)
    store.put([ended(2)], complete=True)
    assert [e.job for e, _ in store.load()] == ["17.2"]
    assert "not kept" in caplog.text
