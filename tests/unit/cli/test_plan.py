"""`plan` without a factory reads the ledger and leaves it alone."""

from pathlib import Path

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.ledger import Ledger
from autopyfactory.accounting.requests import Write
from autopyfactory.cli.plan import _copy


def test_the_ledger_is_copied_not_opened(tmp_path: Path) -> None:
    path, copy = tmp_path / "a ledger?.db", tmp_path / "copy.db"
    first = Ledger(path)
    sent = Batch("tag", "Q", "ap", "ce", 3, mark=first.mark, state="sent")
    first.write(Write((sent,), durable=True))
    first.close()
    before = {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}
    assert _copy(path, copy) == ""
    assert Ledger(copy).restore()[0].sent["Q"] == 3
    assert before.items() <= {p.name: p.stat().st_mtime_ns for p in tmp_path.iterdir()}.items()


def test_a_ledger_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    path.write_bytes(b"junk" * 1000)
    assert "what was sent before is not taken into account" in _copy(path, copy)
    assert Ledger(copy).restore()[0].sent["Q"] == 0
