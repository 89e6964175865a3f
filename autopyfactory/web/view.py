"""The published view: what the factory last said of itself, asked for at most every few seconds.

However many browsers look, the factory is asked once, and the longer its answer takes the more seldom. A
request gets what is there, with its age; only when that is old does it wait a moment for something newer.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from autopyfactory.api.answers import Reaches, Unknown, status
from autopyfactory.api.rows import QueueRow, row_from_dict
from autopyfactory.control.client import ControlError
from autopyfactory.model.once import once
from autopyfactory.web.table import Group, groups

log = logging.getLogger("autopyfactory.web")

OFTEN = 5.0  # seconds between two questions at least
SHARE = 20.0  # times the duration of the last question: of the factory's time we take a twentieth at most
OLD = 30.0  # seconds from which on a request waits for something newer
PATIENCE = 3.0  # seconds that it waits


@dataclass(frozen=True)
class View:
    """What is known of one factory at one moment; never changed."""

    factory: str
    at: datetime
    number: int = 0  # of this view, in this process
    running: bool = False  # whether the factory answered
    rows: tuple[QueueRow, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=dict)  # to `status`
    health: Mapping[str, Any] | None = None  # the answer to `health`; None: the factory did not answer
    notes: tuple[str, ...] = ()
    asked: float = 0.0  # monotonic
    cost: float = 0.0  # seconds that asking took

    @once
    def by_name(self) -> dict[str, QueueRow]:
        """Return the rows by queue."""
        return {row.queue: row for row in self.rows}

    @once
    def groups(self) -> list[Group]:
        """Return the queues by what stands in their way."""
        return groups(self.rows)

    @once
    def encoded(self) -> bytes:
        """Return the answer to `status` as JSON; with thousands of queues that takes a while."""
        return json.dumps(self.answer, separators=(",", ":")).encode()

    def age(self) -> float:
        """Return the seconds since the factory was asked."""
        return time.monotonic() - self.asked


class Views:
    """Hands out the current view; one thread at a time renews it."""

    def __init__(self, access: Reaches, *, often: float = OFTEN):
        self._access = access
        self._often = often
        self._lock = threading.Lock()
        self._renewing = False
        self._renewed = threading.Condition(self._lock)
        self._view: View | None = None
        self._number = 0

    def get(self) -> View:
        """Return the newest view there is, within a few seconds."""
        with self._lock:
            view = self._view
            if view is None or view.age() >= max(self._often, SHARE * view.cost):
                self._begin()
            if view is not None and view.age() < OLD:
                return view
            patience = PATIENCE if view is not None else 10 * PATIENCE
            self._renewed.wait_for(lambda: not self._renewing, patience)
            return self._view or _nothing(self._access, "the factory has not answered yet")

    def stale(self) -> None:
        """Let the next request ask anew: something was ordered."""
        with self._lock:
            self._begin()
            self._renewed.wait_for(lambda: not self._renewing, PATIENCE)

    def _begin(self) -> None:
        if not self._renewing:
            self._renewing = True
            threading.Thread(target=self._renew, name="view", daemon=True).start()

    def _renew(self) -> None:
        try:
            self._number += 1
            view = look(self._access, self._number)
        except Exception as err:  # thread boundary: whatever it is, requests get an answer
            log.exception("the view cannot be renewed")
            view = _nothing(self._access, f"internal error: {err}", self._number)
        with self._lock:
            self._view, self._renewing = view, False
            self._renewed.notify_all()


def look(access: Reaches, number: int = 0, clock: Callable[[], float] = time.monotonic) -> View:
    """Ask the factory, or its history, and return what they say."""
    began = clock()
    health: Mapping[str, Any] | None = None
    notes: list[str] = []
    try:
        answer = status(access)
    except Unknown as err:
        return _nothing(access, str(err), number)
    running = answer["started"] is not None
    if running:
        try:
            health = access.ask("health")
        except ControlError as err:
            notes.append(str(err))
    rows = tuple(row_from_dict(row) for row in answer["queues"])
    return View(
        factory=str(answer["factory"]),
        at=datetime.fromisoformat(answer["at"]),
        number=number,
        running=running,
        rows=rows,
        answer=answer,
        health=health,
        notes=(*answer["notes"], *notes),
        asked=began,
        cost=clock() - began,
    )


def _nothing(access: Reaches, why: str, number: int = 0) -> View:
    now = datetime.now(UTC)
    answer: dict[str, Any] = {
        "factory": access.options.factory_id,
        "at": now.isoformat(timespec="milliseconds"),
        "started": None,
        "queues": [],
        "pauses": {},
        "notes": [why],
    }
    return View(access.options.factory_id, now, number, answer=answer, notes=(why,), asked=time.monotonic())
