"""The history on a real PostgreSQL server: the contract, and what can happen to a server."""

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.writer import HistoryWriter
from autopyfactory.notify.delivery import BatchReporter
from contracts.history import HistoryContract
from contracts.records import T0, cycle, series
from patience import SOON, until
from remembered import SetClock
from testbed.postgres import Postgres

_numbers = itertools.count()


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Postgres]:
    with Postgres(place / "postgres") as running:
        yield running


@pytest.fixture
def url(server: Postgres) -> str:
    return server.create_database(f"history{next(_numbers)}")


class TestPostgres(HistoryContract):
    """The contract."""


def test_it_is_the_real_server(server: Postgres, url: str) -> None:
    writer = HistoryWriter(url, "f", clock=SetClock(T0))
    writer.deliver([cycle()])
    writer.close()
    database = url.rpartition("/")[2]
    assert server.sql("SELECT version()").startswith("PostgreSQL")
    assert server.sql("SELECT count(*), sum(cycles) FROM cycle", database) == "1|1"


def test_a_server_that_is_away_costs_nothing_and_everything_is_written_when_it_is_back(
    server: Postgres, url: str
) -> None:
    reporter = BatchReporter(
        "history", HistoryWriter(url, "f").deliver, attempts=None, backoff=0.05, backoff_max=0.2
    )
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(hours=6)  # not thinned yet
    records = list(series("A", begin, 300))
    for r in records[:100]:
        reporter.report(r)
    until(lambda: reporter.status().delivered == 100)
    server.stop()
    try:
        began = time.monotonic()
        for r in records[100:]:
            reporter.report(r)
        assert time.monotonic() - began < SOON
        until(lambda: reporter.status().failures > 2)
        with pytest.raises(HistoryError, match="cannot be read"):
            HistoryReader(url).queues()
    finally:
        server.start()
    until(lambda: reporter.status().delivered == 300)
    assert reporter.status().last_error is None
    reporter.close()
    assert [s.record for s in HistoryReader(url).last("A", 999)] == records


def test_a_server_that_accepts_and_says_nothing_is_given_up_in_time() -> None:
    """A black hole: the connection is made, no byte ever comes back."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen()
        url = f"postgresql://u:p@127.0.0.1:{hole.getsockname()[1]}/x"
        began = time.monotonic()
        with pytest.raises(SQLAlchemyError):
            HistoryWriter(url, "f").deliver([cycle()])
        assert time.monotonic() - began < SOON


def test_a_statement_that_waits_for_a_lock_is_given_up_in_time(server: Postgres, url: str) -> None:
    writer = HistoryWriter(url, "f", clock=SetClock(T0))
    writer.deliver([cycle()])
    database = url.rpartition("/")[2]
    locker = threading.Thread(
        target=server.sql,
        args=("BEGIN; LOCK TABLE cycle IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20); COMMIT", database),
    )
    locker.start()
    until(lambda: server.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") != "0")
    began = time.monotonic()
    with pytest.raises(SQLAlchemyError, match="lock timeout"):
        writer.deliver([cycle(number=2, at=T0 + timedelta(minutes=1))])
    assert time.monotonic() - began < SOON
    locker.join()
    writer.deliver([cycle(number=2, at=T0 + timedelta(minutes=1))])
    assert len(HistoryReader(url).last("BNL_MCORE-gk01", 9)) == 2


def test_its_size_is_bounded(server: Postgres, url: str) -> None:
    clock = SetClock(T0)
    writer = HistoryWriter(url, "f", max_bytes=600_000, clock=clock)
    database = url.rpartition("/")[2]
    for hour in range(40):
        clock.wall = T0 + timedelta(hours=hour)
        writer.deliver(list(series("A", clock.wall, 240, every=10, seed=hour)))
        if hour % 10 == 9:
            server.sql("ANALYZE cycle", database)
    for _ in range(60):  # the bound is on what the server's statistics say, which follow a little later
        clock.wall += timedelta(minutes=11)
        writer.deliver([])
        server.sql("ANALYZE cycle", database)
    kept = HistoryReader(url).last("A", 99999)
    assert 1000 < len(kept) < 5000
    assert kept[-1].record.started >= T0 + timedelta(hours=39)
    assert HistoryReader(url).info().used_bytes < 700_000


def test_the_schema_is_the_writers_only_need(server: Postgres, url: str) -> None:
    """A wrong password is an error that names no password."""
    wrong = url.replace(server.password, "not-the-password")
    with pytest.raises(SQLAlchemyError) as failed:
        HistoryWriter(wrong, "f").deliver([cycle()])
    assert "not-the-password" not in str(failed.value)
