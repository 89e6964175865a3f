"""Opens a factory's history for reading; what takes long to import is imported when there is one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from autopyfactory.history.place import HistoryError, default_file, must_exist

if TYPE_CHECKING:
    from autopyfactory.history.reader import HistoryReader
    from autopyfactory.model.record import CycleRecord
    from autopyfactory.options.common import FactoryOptions


def open_history(options: FactoryOptions) -> HistoryReader:
    """Return the history of the factory with these options. Raises HistoryError, also when there is none."""
    if not options.history_url:
        must_exist(default_file(options.state_dir))
    from autopyfactory.history.reader import HistoryReader
    from autopyfactory.history.store import history_url

    return HistoryReader(history_url(options), options.factory_id)


def last_cycles(
    open_it: Callable[[], HistoryReader], queue: str, last: int, until: datetime | None = None
) -> tuple[list[CycleRecord], str | None]:
    """Return the `last` kept cycles of `queue` up to `until`, oldest first, and what kept us from reading."""
    try:
        reader = open_it()
        try:
            return [s.record for s in reader.last(queue, last, until)], None
        finally:
            reader.close()
    except HistoryError as err:
        return [], str(err)
