"""Opens the database of the history: SQLite (write-ahead log) or PostgreSQL, always with time limits."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from autopyfactory.history.place import HistoryError, default_file
from autopyfactory.model import redact
from autopyfactory.options.common import FactoryOptions

BUSY = 5  # seconds to wait for another process's lock
ANSWER = 20  # seconds that a statement may take on a server


def default_url(state_dir: str | Path) -> str:
    """Return the URL of the history that lies in `state_dir`."""
    return URL.create("sqlite", database=str(default_file(state_dir))).render_as_string()


def history_url(options: FactoryOptions) -> str:
    """Return where the history of the factory with these options is kept."""
    return options.history_url or default_url(options.state_dir)


def parse(url: str) -> URL:
    """Return `url` parsed. Raises HistoryError for what is neither SQLite nor PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError as err:
        raise HistoryError(f"history.url is not a database URL: {err}") from err
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise HistoryError(
                "history.url: SQLite needs a file, e.g. sqlite:////var/lib/autopyfactory/history.db"
            )
        return parsed
    if kind in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    raise HistoryError(f"history.url: {kind} is not supported; sqlite and postgresql are")


def shown(url: URL) -> str:
    """Return `url` as it may be shown."""
    return redact.shown(url.render_as_string(hide_password=False))


def file_of(url: URL) -> Path | None:
    """Return the file of an SQLite URL; None for a server."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def open_engine(url: URL, *, read_only: bool = False) -> Engine:
    """Return an engine for `url`; nothing is connected yet. Raises HistoryError when a driver lacks."""
    path = file_of(url)
    try:
        if path is None:
            return _server(url, read_only=read_only)
        return _sqlite(path, read_only=read_only)
    except (ImportError, NoSuchModuleError) as err:
        raise HistoryError(f"no driver for {shown(url)}: {err}; install autopyfactory[postgresql]") from err


def _server(url: URL, *, read_only: bool) -> Engine:
    settings = f"-c statement_timeout={ANSWER * 1000} -c lock_timeout={BUSY * 1000}"
    if read_only:
        settings += " -c default_transaction_read_only=on"
    return create_engine(
        url,
        pool_size=1,
        max_overflow=1,
        pool_pre_ping=True,
        pool_timeout=BUSY,
        connect_args={
            "connect_timeout": BUSY,
            "options": settings,
            "application_name": "autopyfactory-history",
            # a server that vanishes without a word: the kernel gives up on the connection
            "tcp_user_timeout": ANSWER * 1000,
            "keepalives_idle": ANSWER,
        },
    )


def _sqlite(path: Path, *, read_only: bool) -> Engine:
    target = f"file:{_quoted(path)}"
    if read_only:
        target += _read_only_mode(path)
    engine = create_engine(
        "sqlite://",
        # one connection per use: a file that was replaced or mended is found again by itself
        poolclass=NullPool,
        creator=lambda: _connect(target),
    )

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late, and not before DDL
        if read_only:
            return
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # counts only while the file is empty
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA journal_size_limit=33554432")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _connect(target: str) -> Any:
    import sqlite3

    return sqlite3.connect(target, uri=True, timeout=BUSY, check_same_thread=False)


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.absolute()))


def _read_only_mode(path: Path) -> str:
    """Return how to open `path` for reading, also for a user who may not write beside it."""
    log = path.with_name(path.name + "-wal")
    if not log.exists() and not os.access(path.parent, os.W_OK):
        return "?immutable=1"  # nobody has it open, and we could not make the files that sharing needs
    return "?mode=ro"


def is_corrupt(err: BaseException) -> bool:
    """Whether `err` says that a database file is damaged or none at all."""
    text = str(err)
    return isinstance(err, DBAPIError) and any(
        sign in text for sign in ("file is not a database", "malformed", "database corruption")
    )


def move_aside(path: Path) -> Path:
    """Move a damaged file out of the way, with its log; an older damaged one is deleted: disks fill.

    Returns its new name.
    """
    for old in path.parent.glob(f"{path.name}.broken-*"):
        old.unlink(missing_ok=True)
    aside = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}")
    path.rename(aside)
    for tail in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + tail).unlink()
    return aside
