"""What is written down survives, is what memory has, and makes nobody wait longer than one commit."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from autopyfactory.accounting.book import Batch, Book, bits
from autopyfactory.accounting.ledger import KEEP_SECONDS, Ledger, LedgerError
from autopyfactory.accounting.ledgerfile import LOST_KEPT
from autopyfactory.accounting.place import Place
from autopyfactory.accounting.requests import NotDone, Write
from autopyfactory.external.clocks import Clocks
from autopyfactory.external.setahead import SetAhead
from fakes import FakeClock
from patience import PATIENCE, until


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    one = Ledger(tmp_path / "l.db", clock)
    yield one
    one.close()


def batch(tag: str, clock: FakeClock, **more: object) -> Batch:
    at = clock.now().timestamp()
    return Batch(tag, "q", "p", "ce", 130, 8, 2000, at, "home", "m", **more)  # type: ignore[arg-type]


def test_what_is_durable_is_there_for_another_reader(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    one = batch(
        "a", clock, state="sent", cluster="7", members=bits(range(130)), alive=bits([3, 129]), lost=bits([5])
    )
    one.mark = ledger.mark
    ledger.write(Write((one,), (Place("p", "home", "7.3", "spec"),), {"P": "p"}, durable=True))
    again = Ledger(tmp_path / "l.db", clock)
    book, places = again.restore()
    again.close()
    assert book.line("a") == one
    assert (book.open("queue:q"), book.sent["q"], book.mark) == (2, 130, ledger.mark)
    assert (places.get("P").name, places.get("p").cursor, places.get("p").spec) == ("p", "7.3", "spec")


def test_what_need_not_be_safe_comes_in_order(ledger: Ledger, clock: FakeClock, tmp_path: Path) -> None:
    ledger.write(Write((batch("a", clock),), durable=True))
    ledger.write(Write((batch("a", clock, state="sent", members=1, alive=1),)))
    ledger.write(Write((replace(batch("a", clock, state="closed", members=1), cluster="7"),)))
    assert ledger.flush(5)
    assert ledger.restore()[0].line("a") is None
    assert ledger.recall(["a", "b"]) == {"a": "7"}


def test_what_was_ever_sent_is_added_up_from_the_lines(ledger: Ledger, clock: FakeClock) -> None:
    """In whatever order threads tell what they know, and how often: each line counts once."""
    sent = [
        replace(batch(tag, clock, state="sent"), mark=ledger.mark, n=n) for tag, n in (("a", 3), ("b", 4))
    ]
    intent = replace(batch("c", clock), mark=ledger.mark)
    adopted = batch("d", clock, state="sent")
    for line in (sent[1], intent, sent[0], adopted, sent[1], replace(sent[0], state="closed")):
        ledger.write(Write((line,)))
        assert ledger.flush(5)
    assert ledger.restore()[0].sent == {"q": 7}
    ledger.write(Write((replace(intent, state="closed", n=0),)))
    assert ledger.flush(5)
    clock.advance(KEEP_SECONDS + 1)
    ledger.prune()
    assert ledger.restore()[0].sent == {"q": 7}, "also when the lines are gone"


def test_lost_pilots_that_are_found_again_were_counted_as_sent_once(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    """So their line stays where it is for as long as a pilot can live."""

    def kept() -> int:
        with sqlite3.connect(tmp_path / "l.db") as db:
            return int(db.execute("SELECT COUNT(*) FROM batch").fetchone()[0])

    book, _ = ledger.restore()
    one = batch("a", clock)
    one.mark = ledger.mark
    book.begin(one)
    for change in (lambda: book.confirm(one, "7", 0b11, 1.0), lambda: book.write_off(one, 0b11)):
        change()
        ledger.write(Write((one.copied(),), durable=True))
    clock.advance(KEEP_SECONDS + 1)
    ledger.prune()
    assert kept() == 1
    book.found(one, 0b11)
    ledger.write(Write((one.copied(),)))
    assert ledger.flush(PATIENCE)
    assert ledger.restore()[0].sent == book.sent == {"q": 2}
    book.write_off(one, 0b11)
    ledger.write(Write((one.copied(),)))
    assert ledger.flush(PATIENCE)
    clock.advance(LOST_KEPT)
    ledger.prune()
    assert kept() == 0


def test_a_clock_that_is_set_far_ahead_takes_no_lines(
    clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def opened() -> Ledger:  # nobody else says what the time is
        return Ledger(tmp_path / "l.db", clock, SetAhead(clocks=Clocks(), monotonic=clock.monotonic))

    def lines() -> int:
        with sqlite3.connect(tmp_path / "l.db") as db:
            return int(db.execute("SELECT COUNT(*) FROM batch").fetchone()[0])

    caplog.set_level(logging.INFO)
    ledger = opened()
    ledger.write(Write((replace(batch("a", clock, state="closed"), mark=ledger.mark),), durable=True))
    clock.wall += timedelta(days=400)
    ledger.prune()
    assert "clock is 400 d" in caplog.text
    assert not [r for r in caplog.records if r.levelno > logging.INFO], "a factory may have stood still"
    assert ledger._next_prune - clock.monotonic() < 2 * 3600, "it is looked at again soon"
    ledger.close()
    again = opened()
    assert lines() == 1, "nor does the next life believe it"
    clock.wall -= timedelta(days=400)
    again.prune()
    clock.advance(KEEP_SECONDS + 1)
    again.prune()
    again.close()
    assert lines() == 0


@pytest.mark.parametrize("durable", [False, True])
def test_a_copy_that_comes_late_undoes_nothing(
    ledger: Ledger, clock: FakeClock, tmp_path: Path, durable: bool
) -> None:
    """Threads make their copies under the book's lock, and write them when they come to it."""
    book = Book(ledger.mark)
    one = batch("a", clock)
    one.mark = ledger.mark
    book.begin(one)
    early = one.copied()
    book.confirm(one, "7", bits(range(130)), 1.0)
    ledger.write(Write((one.copied(),), durable=True))
    ledger.write(Write((early,), durable=durable))
    assert ledger.flush(PATIENCE)
    book.end(one, bits(range(130)))
    ended = one.copied()
    ledger.write(Write((ended,)))
    ledger.write(Write((early,)))
    assert ledger.flush(PATIENCE)
    with sqlite3.connect(tmp_path / "l.db") as db:
        assert db.execute("SELECT state, n FROM batch").fetchall() == [("closed", 130)]
        assert db.execute("SELECT sent FROM total").fetchall() == [(130,)]


def test_all_that_wait_are_written_in_one_commit(ledger: Ledger, clock: FakeClock) -> None:
    real, commits, gate = ledger._commit, [], threading.Event()

    def slow(requests: list[Write], *, durable: bool) -> Exception | None:
        commits.append(sum(r.durable for r in requests))
        if len(commits) == 1:
            gate.wait(PATIENCE)
        return real(requests, durable=durable)

    with patch.object(ledger, "_commit", slow):
        threads = [
            threading.Thread(target=ledger.write, args=(Write((batch(f"t{i}", clock),), durable=True),))
            for i in range(20)
        ]
        threads[0].start()
        while not commits:
            time.sleep(0.01)
        for thread in threads[1:]:
            thread.start()
        while len(ledger._durable) < 19:
            time.sleep(0.01)
        gate.set()
        for thread in threads:
            thread.join(PATIENCE)
    assert commits == [1, 19]
    assert ledger.restore()[0].open("queue:q") == 20 * 130


def test_an_intent_that_cannot_be_written_is_not_done_and_the_rest_is_tried_again(
    ledger: Ledger, clock: FakeClock
) -> None:
    def full(places: Iterable[Place]) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with patch.object(ledger.file, "_put_places", full):
        ledger.write(Write((batch("later", clock),)))
        with pytest.raises(NotDone, match="disk is full"):
            ledger.write(Write((batch("now", clock),), durable=True))
    ledger.write(Write((batch("then", clock),), durable=True))
    book = ledger.restore()[0]
    assert book.line("now") is None
    assert book.line("later") is not None and book.line("then") is not None


def test_closed_lines_go_after_a_week_and_open_ones_stay(ledger: Ledger, clock: FakeClock) -> None:
    lines = (batch("open", clock, state="sent", members=1, alive=1), batch("closed", clock, state="closed"))
    ledger.write(Write(lines, durable=True))
    clock.advance(KEEP_SECONDS + 1)
    ledger.prune()
    assert set(ledger.recall(["open", "closed"])) == {"open"}


def test_what_was_sent_lately_is_told_without_the_disk(tmp_path: Path, clock: FakeClock) -> None:
    """A queue's cycle waited 2.9 s for a slow disk, with all other queues behind it."""
    ledger = Ledger(tmp_path / "l.db", clock)
    ledger.write(Write((batch("a", clock),), durable=True))
    assert ledger.sent_since("q", 3600) == 0, "an intent is no pilot"
    sent = replace(batch("a", clock, state="sent", members=31, alive=31), n=5)
    ledger.write(Write((sent,)))
    with ledger.file.lock:  # a commit that takes for ever
        assert ledger.sent_since("q", 3600) == 5
    ledger.write(Write((replace(sent, state="closed", alive=0),), durable=True))
    assert ledger.sent_since("q", 3600) == 5, "those that ended were sent too"
    ledger.close()
    clock.advance(1800)
    again = Ledger(tmp_path / "l.db", clock)
    assert (again.sent_since("q", 3600), again.sent_since("q", 60)) == (5, 0)
    again.close()


def test_no_intent_is_written_into_a_file_that_is_no_longer_there(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    (tmp_path / "l.db").unlink()
    with pytest.raises(NotDone, match=r"l\.db is gone"):
        ledger.write(Write((batch("a", clock),), durable=True))
    ledger.close()


def test_old_lines_are_deleted_once_a_day_while_the_factory_runs(ledger: Ledger, clock: FakeClock) -> None:
    ledger.write(Write((batch("closed", clock, state="closed"),), durable=True))
    clock.advance(KEEP_SECONDS + 1)
    assert ledger.recall(["closed"])
    ledger.write(Write((batch("next", clock),), durable=True))
    until(lambda: not ledger.recall(["closed"]), "the day's cleaning")


@pytest.mark.parametrize("spoil", ["junk", "folder"])
def test_a_ledger_that_cannot_be_used_is_told_plainly(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "ledger.db"
    if spoil == "junk":
        path.write_bytes(b"junk" * 1000)
    else:
        path.mkdir()
    with pytest.raises(LedgerError, match=f"the ledger {path} cannot be used"):
        Ledger(path)


def test_ads_with_half_characters_do_not_end_who_writes(
    ledger: Ledger, clock: FakeClock, tmp_path: Path
) -> None:
    """Pilots that are taken over bring their ads' words: by one of them the thread ended, for good."""
    odd = replace(batch("t\ud800", clock, state="sent", members=1, alive=1), queue="q\udcff")
    ledger.write(Write((odd,), (Place("p\ud800", "i\ud800", "c\ud800"),), {"a\ud800": "p"}))
    ledger.write(Write((batch("now", clock),), durable=True))
    assert ledger.recall(["t\ud800", "now"]).keys() >= {"t\ud800"}
    again = Ledger(tmp_path / "l.db", clock)
    book, _ = again.restore()
    again.close()
    assert book.open("queue:q") == 130 and book.open() == 131, "and it counts after a restart"


def test_a_clock_set_back_forgets_nobody(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    sent = replace(batch("a", clock, state="sent", members=31, alive=31), n=5)
    ledger.write(Write((sent,), durable=True))
    clock.wall -= timedelta(days=30)
    assert ledger.sent_since("q", 3600) == 5, "too many is less harm than too few"
    ledger.prune()
    ledger.close()
    again = Ledger(tmp_path / "l.db", clock)
    assert again.restore()[0].open() == 5
    again.close()


def test_lost_pilots_are_remembered_however_long_the_line_is_closed(ledger: Ledger, clock: FakeClock) -> None:
    line = replace(batch("a", clock, state="closed", members=3, lost=2), n=2)
    ledger.write(Write((line,), durable=True))
    book, _ = ledger.restore()
    found = book.line("a")
    assert found is not None and (found.lost, found.open, book.lost_at("p")) == (2, 0, 1)


def test_a_disk_that_was_full_is_written_to_again_with_the_newest(ledger: Ledger, clock: FakeClock) -> None:
    real, broken = ledger.file._put_places, [True]
    line = replace(batch("a", clock, state="sent", members=7, alive=7), mark=ledger.mark, n=2)

    def put(places: Iterable[Place]) -> None:
        if broken[0]:
            raise sqlite3.OperationalError("database or disk is full")
        real(places)

    with patch.object(ledger.file, "_put_places", put), patch("autopyfactory.accounting.ledger.AGAIN", 0.01):
        ledger.write(Write((line,)))
        until(lambda: ledger._troubled, "the disk was full")
        ledger.write(Write((replace(line, alive=1, n=3),)))
        broken[0] = False
        ledger.write(Write((batch("b", clock),), durable=True))
        assert ledger.flush(PATIENCE)
    book, _ = ledger.restore()
    found = book.line("a")
    assert found is not None and (found.alive, book.sent["q"]) == (1, 3)


def test_after_closing_nothing_is_taken(tmp_path: Path, clock: FakeClock) -> None:
    ledger = Ledger(tmp_path / "l.db", clock)
    ledger.write(Write((batch("a", clock),)))
    ledger.close()
    with pytest.raises(NotDone, match="closed"):
        ledger.write(Write((batch("b", clock),), durable=True))
    again = Ledger(tmp_path / "l.db", clock)
    assert again.restore()[0].line("a") is not None, "what waited was written"
    again.close()


def test_nobody_else_may_read_it(ledger: Ledger, tmp_path: Path) -> None:
    assert (tmp_path / "l.db").stat().st_mode & 0o077 == 0


def test_lost_pilots_that_were_adopted_count_as_sent_once_however_long_they_are_lost(
    ledger: Ledger, clock: FakeClock
) -> None:
    """Their intent was given up, so nobody has written down when they were sent: they look old at once."""
    book, _ = ledger.restore()
    one = Batch("a", "q", "p", "ce", 2, mark=book.mark, state="sent", cluster="7", members=0b11, alive=0b11)
    book.begin(one)
    book.sent["q"] += 2

    def written(pruned: bool) -> set[str]:
        ledger.write(Write((one.copied(),)))
        assert ledger.flush(PATIENCE)
        if pruned:
            clock.advance(LOST_KEPT + KEEP_SECONDS)
            ledger.prune()
        return set(ledger.recall(["a"]))

    written(pruned=False)
    book.write_off(one, 0b11)
    assert written(pruned=True)
    book.found(one, 0b11)
    assert written(pruned=True)
    assert ledger.restore()[0].sent == book.sent == {"q": 2}
    book.end(one, 0b11)
    assert not written(pruned=True), "none of them is lost"
    assert ledger.restore()[0].sent == {"q": 2}
