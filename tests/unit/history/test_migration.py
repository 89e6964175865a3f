"""Older schemas are brought forward, newer ones left alone, whoever comes first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from autopyfactory.history.migration import STEPS, TooNew, migrate, version
from autopyfactory.history.place import HistoryError
from autopyfactory.history.reader import HistoryReader
from autopyfactory.history.schema import VERSION
from autopyfactory.history.store import open_engine, parse
from patience import PATIENCE


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_engine(parse(url))
    yield engine
    engine.dispose()


def have(engine: Engine) -> int:
    with engine.connect() as connection:
        return version(connection)


def test_every_version_has_its_step() -> None:
    assert len(STEPS) == VERSION


def test_an_empty_file_has_version_0(engine: Engine) -> None:
    assert have(engine) == 0
    assert inspect(engine).get_table_names() == []  # to ask is not to make


@pytest.mark.parametrize("first", range(VERSION + 1))
def test_from_every_version_the_same_is_reached(engine: Engine, tmp_path: Path, first: int) -> None:
    migrate(engine, STEPS[:first])
    assert have(engine) == first
    migrate(engine)
    assert have(engine) == VERSION

    def made(engine: Engine) -> list[str]:
        with engine.connect() as connection:
            query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
            return list(connection.execute(text(query)).scalars())

    straight = open_engine(parse(f"sqlite:///{tmp_path}/straight.db"))
    migrate(straight)
    assert made(engine) == made(straight)
    straight.dispose()


def test_steps_that_are_done_are_not_done_again(engine: Engine) -> None:
    done: list[int] = []

    def step(number: int) -> object:
        def do(_: Connection) -> None:
            done.append(number)

        return do

    more = (*STEPS, step(1), step(2))
    migrate(engine, more[: VERSION + 1])  # type: ignore[arg-type]
    migrate(engine, more)  # type: ignore[arg-type]
    migrate(engine, more)  # type: ignore[arg-type]
    assert done == [1, 2]
    assert have(engine) == VERSION + 2


def test_a_step_that_fails_takes_back_those_before_it_in_this_run(engine: Engine) -> None:
    migrate(engine)

    def makes(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (x INTEGER)"))

    def fails(connection: Connection) -> None:
        connection.execute(text("INSERT INTO nowhere VALUES (1)"))

    with pytest.raises(SQLAlchemyError, match="nowhere"):
        migrate(engine, (*STEPS, makes, fails))
    assert have(engine) == VERSION
    assert "half" not in inspect(engine).get_table_names()


def test_a_newer_one_is_not_touched(engine: Engine, url: str) -> None:
    migrate(engine, (*STEPS, lambda _: None))
    with pytest.raises(TooNew, match=f"version {VERSION + 1}, this release knows {VERSION}"):
        migrate(engine)
    assert have(engine) == VERSION + 1
    with pytest.raises(HistoryError, match="a newer release wrote it"):
        HistoryReader(url).queues()


def test_several_at_once_do_it_once(url: str) -> None:
    failed: list[BaseException] = []
    start = threading.Barrier(4)

    def one() -> None:
        engine = open_engine(parse(url))
        start.wait(PATIENCE)
        try:
            migrate(engine)
        except SQLAlchemyError as err:  # a lock that was held too long: who reports tries again
            failed.append(err)
        engine.dispose()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert [str(err) for err in failed if "locked" not in str(err)] == []
    engine = open_engine(parse(url))
    assert have(engine) == VERSION
    engine.dispose()


def test_a_version_table_without_a_version_is_told(engine: Engine, url: str) -> None:
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM schema_version"))
    with pytest.raises(HistoryError, match="cannot be read"):
        HistoryReader(url).queues()
