"""The tables of the history, as the newest version has them.

`cycle` holds one row per cycle that was kept; times are milliseconds since 1970 in UTC, so that both
databases sort and divide them alike. What people ask for most is in columns; the complete record is in
`detail`, compressed with the text in `dictionary` (see `packing`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

VERSION = 2

metadata = MetaData()

# SQLite makes a key grow by itself only when its type is exactly INTEGER
_BIG = BigInteger().with_variant(Integer, "sqlite")

schema_version = Table("schema_version", metadata, Column("version", Integer, nullable=False))

queue = Table(
    "queue",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("factory", String(200), nullable=False),
    Column("name", String(300), nullable=False),
    UniqueConstraint("factory", "name"),
)

dictionary = Table(
    "dictionary",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

cycle = Table(
    "cycle",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("queue_id", Integer, ForeignKey("queue.id"), nullable=False),
    Column("at", BigInteger, nullable=False),  # when the cycle started, ms
    Column("outcome", SmallInteger, nullable=False),  # see OUTCOMES
    Column("submitted", Integer, nullable=False),  # pilots, over all cycles that this row stands for
    Column("cycles", Integer, nullable=False),  # how many cycles this row stands for
    Column("width", Integer, nullable=False),  # s; 0: one cycle; else the window it was thinned to
    Column("dictionary_id", Integer, nullable=False),  # 0: none
    Column("detail", LargeBinary, nullable=False),
    Index("cycle_queue_at", "queue_id", "at", unique=True),
)

event = Table(
    "event",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("factory", String(200), nullable=False),
    Column("queue", String(300)),  # none: the factory as a whole
    Column("at", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("detail", String, nullable=False),  # JSON
    Index("event_at", "at"),
)

# The position is what is stored: only ever add at the end.
OUTCOMES = ("nothing", "sent", "held back", "paused", "retired", "failed")
OTHER = len(OUTCOMES)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ms(when: datetime) -> int:
    """Return `when` as milliseconds since 1970."""
    return (when - _EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """Return the moment that is `ms` milliseconds after 1970, in UTC."""
    return _EPOCH + timedelta(milliseconds=ms)


def outcome_number(outcome: str) -> int:
    """Return the number that stands for `outcome`; OTHER for one this release does not know."""
    return OUTCOMES.index(outcome) if outcome in OUTCOMES else OTHER
