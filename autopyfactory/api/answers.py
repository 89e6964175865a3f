"""Answers about queues whether the factory runs or not: from its socket, else from what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from autopyfactory.control.client import ControlError, NotRunning
from autopyfactory.history.opening import last_cycles
from autopyfactory.model.record import CycleRecord
from autopyfactory.model.serialize import from_plain, to_full, to_plain
from autopyfactory.why.model import LiveState, Story
from autopyfactory.why.render import render

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration
    from autopyfactory.history.reader import HistoryReader
    from autopyfactory.options.common import FactoryOptions

MOST_KEPT = 200  # cycles that a factory is asked to read from its history


class Unknown(Exception):
    """There is no answer: no such queue, or neither factory nor history; the text says which."""


class NoSuchQueue(Unknown):
    """The factory runs, and has no such queue."""


class Reaches(Protocol):
    """The way to a factory, see `Access`."""

    @property
    def options(self) -> FactoryOptions:
        """Return the options of `[Factory]`."""

    @property
    def configuration(self) -> Configuration | None:
        """Return all of the configuration, if it can be read."""

    @property
    def state_dir(self) -> Path:
        """Return the folder with the factory's state."""

    def ask(self, command: str, **arguments: Any) -> Any:
        """Return the running factory's answer. Raises NotRunning, ControlError."""

    def history(self) -> HistoryReader:
        """Return the factory's history. Raises HistoryError."""


def status(access: Reaches, queue: str | None = None, **arguments: Any) -> dict[str, Any]:
    """Return the factory's answer to `status`; without a factory the last cycles of the history.

    `started` is None in the second case. Raises Unknown.
    """
    if queue is not None:
        arguments["queue"] = queue
    try:
        answer: dict[str, Any] = access.ask("status", **arguments)
        return answer
    except NotRunning as err:
        return kept(access, queue, str(err))
    except ControlError as err:
        if "there is no queue" in str(err):
            raise NoSuchQueue(str(err)) from err
        return kept(access, queue, str(err), "unknown")  # it may well run


def kept(
    access: Reaches, queue: str | None, trouble: str, state: Literal["stopped", "unknown"] = "stopped"
) -> dict[str, Any]:
    """Return, in the form of `status`, what the history holds; `trouble` says why. Raises Unknown."""
    from autopyfactory.api.rows import queue_row
    from autopyfactory.history.place import HistoryError
    from autopyfactory.pauses import PauseError, look

    now = datetime.now(UTC)
    try:
        reader = access.history()
        try:
            latest = reader.latest()
        finally:
            reader.close()
    except HistoryError as err:
        raise Unknown(f"{trouble}; {err}") from err
    if queue is not None and queue not in latest:
        raise Unknown(f"{trouble}; nothing is kept about {queue}")
    try:
        pauses, notes = look(access.state_dir / "pauses.json", now), [trouble]
    except PauseError as err:
        pauses, notes = {}, [trouble, str(err)]
    rows = [
        replace(
            queue_row(name, stored.record, state=state),
            pause=pauses[name].words if name in pauses else None,
        )
        for name, stored in sorted(latest.items())
        if queue in (None, name)
    ]
    return {
        "factory": access.options.factory_id,
        "at": now.isoformat(timespec="milliseconds"),
        "started": None,
        "queues": [row.as_dict() for row in rows],
        "pauses": {name: p.words for name, p in pauses.items()},
        "notes": notes,
    }


def why(
    access: Reaches, queue: str, last: int, *, schedd: bool = True, ask: bool = True, relayed: bool = False
) -> tuple[list[CycleRecord], LiveState, str | None]:
    """Return the last cycles of `queue`, what is known now, and what kept the history from being read.

    `schedd`: whether it is asked about stuck pilots when no factory runs; `ask`: whether a factory that runs
    asks it; `relayed`: whether a factory that runs reads the history for us, which saves a command the
    library for databases (what serves pages has it anyway, and spares the factory). Raises Unknown.
    """
    arguments: dict[str, Any] = {} if ask else {"schedd": False}
    if relayed and last <= MOST_KEPT:
        arguments["last"] = last
    try:
        answer = access.ask("why", queue=queue, **arguments)
    except NotRunning:
        return _without_factory(access, queue, last, None, schedd=schedd)
    except ControlError as err:
        if "there is no queue" in str(err):
            raise Unknown(str(err)) from err
        records, live, problem = _without_factory(access, queue, last, str(err), schedd=schedd)
        return records, replace(live, silent=str(err)), problem
    live = from_plain(LiveState, answer["live"])
    newest = from_plain(CycleRecord, answer["record"]) if answer["record"] else None
    if "kept" in answer:
        records, problem = [from_plain(CycleRecord, r) for r in answer["kept"]], answer["unread"]
    else:
        records, problem = stored(access, queue, last, None)
    if newest is not None:
        records = [*(r for r in records if r.started < newest.started), newest]
    return records, live, problem


def _without_factory(
    access: Reaches, queue: str, last: int, trouble: str | None, *, schedd: bool
) -> tuple[list[CycleRecord], LiveState, str | None]:
    from autopyfactory.api.offline import offline_state

    records, problem = stored(access, queue, last, None)
    live = offline_state(access.configuration, access.state_dir, queue, ask=10.0 if schedd else None)
    if live.configured is False and not records:
        raise Unknown(f"there is no queue {queue!r}")
    return records, live, problem if trouble is None else None


def stored(
    access: Reaches, queue: str, last: int, until: datetime | None
) -> tuple[list[CycleRecord], str | None]:
    """Return the kept cycles, oldest first, and what kept us from reading them."""
    return last_cycles(access.history, queue, last, until)


def as_data(story: Story, records: Sequence[CycleRecord], problem: str | None) -> dict[str, Any]:
    """Return a story, the same as text, and the cycles it tells of, as plain data."""
    return {
        "story": to_full(story),
        "text": render(story),
        "records": [to_full(r) for r in records],
        "problem": problem,
        "printed_at": to_plain(datetime.now(UTC)),
    }
