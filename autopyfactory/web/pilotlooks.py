"""Lists of pilots come from schedds, which may take long: asked beside the request, one at a time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autopyfactory.api.answers import Reaches
from autopyfactory.control.client import ControlError

FRESH = 30.0  # seconds for which a list is good
KEPT = 50  # lists
LIMIT = 500  # pilots of one list


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a queue's pilots."""

    pilots: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    at: float | None = None  # monotonic, when it was asked; None: not yet
    asking: bool = False

    @property
    def age(self) -> float | None:
        """Return its age in seconds."""
        return None if self.at is None else time.monotonic() - self.at


class PilotLooks:
    """Keeps the latest lists; `get` returns at once."""

    def __init__(self, access: Reaches):
        self._access = access
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Look] = OrderedDict()
        self._asking: str | None = None

    def get(self, queue: str) -> Look:
        """Return what is known of the pilots of `queue`, and ask anew if that is old."""
        with self._lock:
            look = self._known.get(queue, Look())
            old = look.age is None or look.age > FRESH
            if old and self._asking is None:
                self._asking = queue
                threading.Thread(target=self._ask, args=(queue,), name="pilots", daemon=True).start()
            return Look(look.pilots, look.notes, look.at, old)

    def _ask(self, queue: str) -> None:
        began = time.monotonic()
        try:
            said = self._access.ask("pilots", queue=queue, limit=LIMIT)
            look = Look(tuple(said["pilots"]), tuple(said["notes"]), began)
        except ControlError as err:
            look = Look((), (str(err),), began)
        with self._lock:
            self._asking = None
            self._known[queue] = look
            self._known.move_to_end(queue)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
