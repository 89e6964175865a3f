"""What was sent is never lost and never counted short, whenever the factory dies."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from autopyfactory.accounting.ledger import SETTLE, Ledger, LedgerError
from fakes import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_intent_counts_until_resolved(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    intent = ledger.intend("q", "s", 5)
    assert ledger.unseen("s", clock.monotonic(), "q") == 5
    assert ledger.unseen("s", clock.monotonic() + 1000) == 5
    ledger.confirm(intent, "12", 5)
    assert ledger.unresolved("q") == []


def test_confirmed_counts_until_a_later_snapshot(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    before = clock.monotonic()
    clock.advance(1)
    ledger.confirm(ledger.intend("q", "s", 3), "1", 3)
    assert ledger.unseen("s", before, "q") == 3
    assert ledger.unseen("s", before, "other") == 0
    assert ledger.unseen("other", before) == 0
    clock.advance(1)
    assert ledger.unseen("s", clock.monotonic(), "q") == 0
    ledger.seen("s", clock.monotonic())
    assert ledger.unseen("s", before, "q") == 0


def test_unresolved_intents_survive_a_crash(tmp_path: Path, clock: FakeClock) -> None:
    first = Ledger(tmp_path / "l.db", clock)
    lost = first.intend("q", "s", 7)
    first.confirm(first.intend("q", "s", 2), "1", 2)
    again = Ledger(tmp_path / "l.db", clock)  # the first was never closed
    (found,) = again.unresolved("q")
    assert (found.tag, found.n, found.adopted) == (lost.tag, 7, True)
    assert again.unseen("s", clock.monotonic()) == 7
    assert again.total("q") == 2


def test_forgotten_only_after_two_look_ups(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    intent = ledger.intend("q", "s", 4)
    assert not ledger.found_nothing(intent)
    clock.advance(SETTLE - 1)
    assert not ledger.found_nothing(intent)
    assert ledger.unseen("s", clock.monotonic()) == 4
    clock.advance(1)
    assert ledger.found_nothing(intent)
    assert ledger.unseen("s", clock.monotonic()) == 0
    assert Ledger(tmp_path / "l.db", clock).unresolved("q") == []


def test_an_intent_that_cannot_be_written_raises(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    ledger.close()
    with pytest.raises(sqlite3.Error):
        ledger.intend("q", "s", 1)
    assert ledger.unresolved("q") == []


@pytest.mark.parametrize("spoil", ["junk", "folder"])
def test_a_ledger_that_cannot_be_used_is_told_plainly(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "ledger.db"
    if spoil == "junk":
        path.write_bytes(b"junk" * 1000)
    else:
        path.mkdir()
    with pytest.raises(LedgerError, match=f"the ledger {path} cannot be used"):
        Ledger(path)
