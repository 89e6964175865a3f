"""The one stream of endings: read once per schedd, with a cursor in the ledger, for all who need them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from autopyfactory.model.ending import Ending

log = logging.getLogger("autopyfactory.endings")

Listener = Callable[[Sequence[Ending]], None]


class EndingStream:
    """Where endings come in, in the order in which pilots left, and go to whoever listens.

    One schedd's reader calls `take` at a time, several schedds' may at once; listeners are called on the
    reader's thread, never on a queue's. Each pilot is told of once in a factory's life.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Call `listener` with endings that are new from now on. It must return at once."""
        self._listeners.append(listener)

    def take(self, endings: Sequence[Ending]) -> None:
        """Tell everybody of these; a listener that raises costs nobody else anything."""
        if not endings:
            return
        for listener in tuple(self._listeners):
            try:
                listener(endings)
            except Exception as err:  # whatever one of them does wrong is its own trouble
                log.exception("a listener to endings failed: %s", err)
