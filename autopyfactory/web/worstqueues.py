"""How pilots ended, as the pages show it: counted anew at most twice a minute, however many look."""

from __future__ import annotations

import threading
import time

from autopyfactory.api.answers import Reaches
from autopyfactory.api.worst import WorstRow, worst

FRESH = 30.0  # seconds for which counts are good


class WorstQueues:
    """Keeps the latest counts of each window."""

    def __init__(self, access: Reaches):
        self._access = access
        self._lock = threading.Lock()  # one at a time counts, the others wait for it
        self._known: dict[str, tuple[float, list[WorstRow]]] = {}

    def rows(self, window: str) -> list[WorstRow]:
        """Return the rows for a window (of `api.worst.WINDOWS`), unsorted. Raises Unknown."""
        with self._lock:
            known = self._known.get(window)
            if known is None or time.monotonic() - known[0] > FRESH:
                known = self._known[window] = time.monotonic(), worst(self._access, window)
            return known[1]
