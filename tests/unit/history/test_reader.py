"""Reading while nobody writes."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.writer import HistoryWriter
from contracts.records import T0, cycle, series
from patience import PATIENCE


def test_another_user_can_read_it_when_no_factory_runs(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver([cycle()])
    writer.close()
    assert not path.with_name("history.db-wal").exists()
    path.parent.chmod(0o555)
    path.chmod(0o444)
    try:
        program = (
            "from autopyfactory.history.reader import HistoryReader;"
            f"print(len(HistoryReader({url!r}).last('BNL_MCORE-gk01', 5)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
    finally:
        path.parent.chmod(0o755)


def test_without_a_history_the_reader_says_so(url: str, path: Path) -> None:
    with pytest.raises(HistoryError, match=r"no history yet: .*history\.db does not exist"):
        HistoryReader(url)
    assert not path.exists()


def test_a_truncated_row_is_an_error_not_a_wrong_answer(url: str, path: Path) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver(list(series("A", T0, 3)))
    writer.close()
    with sqlite3.connect(path) as db:
        db.execute("UPDATE cycle SET detail = substr(detail, 1, length(detail) / 2) WHERE id = 2")
    with pytest.raises(HistoryError, match="cannot be read"):
        HistoryReader(url).last("A", 5)
