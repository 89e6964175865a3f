"""Brings a history that an older release wrote to the newest schema, step by step, each in one transaction.

A step never uses the tables of `schema`: those change with later versions, what a step once did may not.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, Engine, inspect, text

from autopyfactory.history.schema import VERSION

Step = Callable[[Connection], None]


class TooNew(Exception):
    """The history was written by a newer release; it is left as it is."""


def _big_key(connection: Connection) -> str:
    return "INTEGER NOT NULL PRIMARY KEY" if connection.dialect.name == "sqlite" else "BIGSERIAL PRIMARY KEY"


def _small_key(connection: Connection) -> str:
    return "INTEGER NOT NULL PRIMARY KEY" if connection.dialect.name == "sqlite" else "SERIAL PRIMARY KEY"


def _blob(connection: Connection) -> str:
    return "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"


def _cycles(connection: Connection) -> None:
    """Version 1: queues and their cycles."""
    statements = (
        "CREATE TABLE schema_version (version INTEGER NOT NULL)",
        "INSERT INTO schema_version VALUES (0)",
        f"CREATE TABLE queue (id {_small_key(connection)}, factory VARCHAR(200) NOT NULL,"
        " name VARCHAR(300) NOT NULL, UNIQUE (factory, name))",
        f"CREATE TABLE dictionary (id {_small_key(connection)}, body {_blob(connection)} NOT NULL)",
        f"CREATE TABLE cycle (id {_big_key(connection)}, queue_id INTEGER NOT NULL REFERENCES queue (id),"
        " at BIGINT NOT NULL, outcome SMALLINT NOT NULL, submitted INTEGER NOT NULL, cycles INTEGER NOT NULL,"
        f" width INTEGER NOT NULL, dictionary_id INTEGER NOT NULL, detail {_blob(connection)} NOT NULL)",
        "CREATE UNIQUE INDEX cycle_queue_at ON cycle (queue_id, at)",
    )
    for statement in statements:
        connection.execute(text(statement))


def _events(connection: Connection) -> None:
    """Version 2: what happens outside of cycles."""
    connection.execute(
        text(
            f"CREATE TABLE event (id {_big_key(connection)}, factory VARCHAR(200) NOT NULL,"
            " queue VARCHAR(300), at BIGINT NOT NULL, kind VARCHAR(40) NOT NULL, detail VARCHAR NOT NULL)"
        )
    )
    connection.execute(text("CREATE INDEX event_at ON event (at)"))


STEPS: tuple[Step, ...] = (_cycles, _events)  # STEPS[n] leads from version n to n + 1
assert len(STEPS) == VERSION


def version(connection: Connection) -> int:
    """Return the version of the schema in the database; 0 when there is none yet."""
    if not inspect(connection).has_table("schema_version"):
        return 0
    return int(connection.execute(text("SELECT version FROM schema_version")).scalar_one())


def migrate(engine: Engine, steps: tuple[Step, ...] = STEPS) -> None:
    """Bring the database to version `len(steps)`; only one process at a time does, the others wait.

    Raises TooNew, and changes nothing, when it is past that already.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(7214003)"))
        have = version(connection)
        if have > len(steps):
            raise TooNew(f"its schema has version {have}, this release knows {len(steps)}")
        for step in steps[have:]:
            step(connection)
            connection.execute(text("UPDATE schema_version SET version = version + 1"))
