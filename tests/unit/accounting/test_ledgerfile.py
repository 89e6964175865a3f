"""The file gives back what was put into it, and takes over those of earlier releases."""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.ledgerfile import LedgerFile, Transactions
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.requests import Write

AT = 1e9  # seconds since 1970


@contextmanager
def opened(path: Path) -> Iterator[LedgerFile]:
    file = LedgerFile(path)
    try:
        yield file
    finally:
        file.close()


def line(tag: str, **more: object) -> Batch:
    return Batch(tag, "q", "p", "ce", 4, 8, 2000, AT, "home", "m", **more)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_what_must_be_safe_is_written_as_such_whatever_failed_before(steps: list[tuple[bool, bool]]) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    transactions = Transactions(db)
    for durable, interrupted in steps:
        db.set_progress_handler((lambda: 1) if interrupted else None, 1)
        try:
            with transactions.begin(durable=durable):
                db.set_progress_handler(None, 1)
                assert db.execute("PRAGMA synchronous").fetchone() == (2 if durable else 1,)
        except sqlite3.OperationalError:
            assert interrupted
    db.close()


def test_a_ledger_of_an_earlier_release_gets_the_column_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    with opened(path) as old:
        old.write([line("a", state="sent", cluster="7", members=1, alive=1)], [], durable=True)
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE batch DROP COLUMN supposed")
    for _ in range(2):
        with opened(path) as file:
            for supposed in (False, True, False):
                known = file.restore()[0].line("a")
                assert known is not None and known.supposed is supposed
                file.write([replace(known, supposed=not supposed)], [], durable=True)
            file.write([replace(known, supposed=False)], [], durable=True)


def test_a_line_is_at_the_place_that_its_name_leads_to(tmp_path: Path) -> None:
    """It may have been written down before its name was known to be another's."""
    with opened(tmp_path / "l.db") as file:
        file.write([line("a")], [Write((), (Place("p", "home"),), {"p": "q"})], durable=True)
        book, _ = file.restore()
    assert [b.tag for b in book.lines("q")] == ["a"] and not book.lines("p")


def test_a_ledger_of_submissions_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with sqlite3.connect(path) as old:
        old.executescript("""
            CREATE TABLE submission (tag TEXT PRIMARY KEY, queue TEXT NOT NULL, target TEXT NOT NULL,
                n INTEGER NOT NULL, intended REAL NOT NULL, state TEXT NOT NULL, cluster TEXT, sent INTEGER);
            CREATE TABLE total (queue TEXT PRIMARY KEY, sent INTEGER NOT NULL);
            INSERT INTO total VALUES ('q', 11);
        """)
        old.execute(
            "INSERT INTO submission VALUES ('i', 'q', 'AP@host', 4, ?, 'intended', NULL, NULL)", (AT,)
        )
        old.execute("INSERT INTO submission VALUES ('c', 'q', 'AP@host', 7, ?, 'confirmed', '5', 7)", (AT,))
        old.execute("INSERT INTO submission VALUES ('n', 'q', 'AP@host', 2, ?, 'none', NULL, NULL)", (AT,))
    old.close()
    for _ in range(2):  # and a second time
        with opened(path) as file:
            book, _ = file.restore()
            (intent,) = book.unresolved("ap@host")
            assert (intent.tag, intent.n, book.open(), book.sent["q"]) == ("i", 4, 4, 11)
            assert not file.recall(["c"]), "whether they live is to be found out"
            assert [b.n for b in file.sent_since(AT) if b.queue == "q"] == [7, 0]


TEXT = st.text(max_size=20)
LINES = st.builds(
    Batch,
    st.uuids().map(str),
    queue=TEXT, place=TEXT, ce=TEXT, n=st.integers(1, 200), cores=st.integers(1, 64),
    memory_mb=st.integers(0, 10**6), intended=st.floats(0, 4e9), identity=TEXT, mark=TEXT,
    state=st.sampled_from(["intended", "sent"]), cluster=st.integers(1, 10**9).map(str),
    members=st.integers(0, 2**200), alive=st.integers(0, 2**200), lost=st.integers(0, 2**200),
)  # fmt: skip


@given(st.lists(LINES, max_size=4), st.integers(0, 4))
@settings(max_examples=25)
def test_whatever_lines_hold_they_come_back_as_they_were(lines: list[Batch], ours: int) -> None:
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l.db"
        with opened(path) as file:
            for one in lines[:ours]:
                one.mark = file.mark
                totals[one.queue] += one.n if one.state == "sent" else 0
            file.write(lines, [], durable=True)
        with opened(path) as file:
            book, _ = file.restore()
    for one in lines:
        assert book.line(one.tag) == one
    assert +book.sent == +totals
    assert book.open() == sum(one.open for one in lines)
