"""Reading while nobody writes."""

import sqlite3
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.model.record import FactoryEvent
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


def kept(url: str, *events: object, factory: str = "f") -> None:
    writer = HistoryWriter(url, factory)
    writer.deliver(list(events))  # type: ignore[arg-type]
    writer.close()


@pytest.mark.parametrize(
    "detail",
    ["", "{", "[]", "7", "{}", '{"kind": "x"}', '{"kind": "x", "at": "noon"}', '{"kind":"x","at":1}'],
)
def test_an_event_that_cannot_be_read_is_told(url: str, path: Path, detail: str) -> None:
    kept(url, FactoryEvent("started", T0))
    with sqlite3.connect(path) as db:
        db.execute("UPDATE event SET detail = ?", (detail,))
    with pytest.raises(HistoryError, match="an event cannot be read"):
        HistoryReader(url).events(T0, T0 + timedelta(days=1))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cycle SET detail = x'00'",
        "UPDATE cycle SET detail = x''",
        "UPDATE cycle SET dictionary_id = 99",  # a dictionary that nobody kept
        "UPDATE cycle SET detail = x'e0ffffffffffffff7f010000'",  # claims to be of 9 EB
        "DELETE FROM dictionary",
        "UPDATE dictionary SET body = x'37a430ec' || randomblob(50)",  # begins like one of the library's
    ],
)
def test_a_cycle_that_cannot_be_read_is_told_whoever_asks(url: str, path: Path, statement: str) -> None:
    kept(url, *series("A", T0, 20))
    with sqlite3.connect(path) as db:
        db.execute(statement)
    reader = HistoryReader(url)
    with pytest.raises(HistoryError, match="cannot be read"):
        reader.last("A", 5)
    with pytest.raises(HistoryError, match="cannot be read"):
        list(reader.span("A", T0, T0 + timedelta(days=1)))
    with pytest.raises(HistoryError, match="cannot be read"):
        reader.latest()
    assert reader.queues() == ["A"]  # what needs no record is answered
    assert sum(n for n, _ in reader.totals("A", T0, T0 + timedelta(days=1)).values()) == 20


def test_the_beginning_of_a_span_belongs_to_it_and_its_end_does_not(url: str) -> None:
    records = list(series("A", T0, 5))
    kept(url, *records, *(FactoryEvent("k", r.started, str(n)) for n, r in enumerate(records)))
    reader = HistoryReader(url)
    since, until = records[1].started, records[3].started
    assert [s.record for s in reader.span("A", since, until)] == records[1:3]
    assert [e.text for e in reader.events(since, until)] == ["1", "2"]
    assert sum(n for n, _ in reader.totals("A", since, until).values()) == 2
    assert [s.record for s in reader.last("A", 2, until=until)] == records[2:4]
    assert list(reader.span("A", until, since)) == []
    assert reader.last("A", 0) == []


def test_a_name_that_is_a_piece_of_sql_is_a_name(url: str) -> None:
    hostile = "A' OR '1'='1"
    kept(url, cycle("A"), cycle(hostile, ready=99), FactoryEvent("k", T0, "hers", hostile))
    reader = HistoryReader(url)
    assert [s.record.queue for s in reader.last(hostile, 9)] == [hostile]
    assert [e.text for e in reader.events(T0, T0 + timedelta(days=1), hostile)] == ["hers"]
    assert reader.last("B' OR '1'='1", 9) == []
    assert reader.queues() == ["A", hostile]


def test_events_come_by_time_and_then_as_they_were_told(url: str) -> None:
    at = [T0 + timedelta(seconds=s) for s in (2, 0, 1, 1)]
    kept(url, *(FactoryEvent("k", when, str(n)) for n, when in enumerate(at)))
    found = HistoryReader(url).events(T0, T0 + timedelta(days=1))
    assert [e.text for e in found] == ["1", "2", "3", "0"]


def test_an_empty_history_answers_everything(url: str) -> None:
    kept(url)
    reader = HistoryReader(url, "f")
    info = reader.info()
    assert (info.queues, info.rows, info.oldest, info.newest) == (0, 0, None, None)
    assert reader.queues() == []
    assert dict(reader.latest()) == {}
    assert reader.events(T0, T0 + timedelta(days=1)) == []
    assert dict(reader.totals("A", T0, T0 + timedelta(days=1))) == {}


def test_the_newest_of_more_queues_than_one_question_takes(url: str) -> None:
    names = [f"Q{n}" for n in range(520)]
    kept(url, *(cycle(n) for n in names), *(cycle(n, 2, T0 + timedelta(minutes=1)) for n in names))
    latest = HistoryReader(url, "f").latest()
    assert sorted(latest) == sorted(names)
    assert {s.record.number for s in latest.values()} == {2}


def test_several_readers_while_it_is_written_see_whole_deliveries(url: str) -> None:
    writer = HistoryWriter(url, "f")
    writer.deliver(list(series("A", T0, 10)))
    stop, wrong = threading.Event(), []

    def read() -> None:
        reader = HistoryReader(url, "f")
        seen = 0
        while not stop.is_set():
            found = reader.last("A", 1000)
            numbers = [s.record.started for s in found]
            if len(found) % 10 or len(found) < seen or numbers != sorted(set(numbers)):
                wrong.append(len(found))
            seen = len(found)
        reader.close()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for lot in range(1, 15):
        writer.deliver(list(series("A", T0 + timedelta(days=lot), 10)))
    stop.set()
    for thread in readers:
        thread.join(PATIENCE)
    writer.close()
    assert wrong == []


def test_the_url_that_is_told_has_no_password(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/h.db"
    kept(url, cycle())
    assert HistoryReader(url).info().url == url
