"""Notices plugins that do not return: told when it begins and when it ends, and counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol


class MayHang(Protocol):
    """A queue with its thread."""

    @property
    def hangs(self) -> str:
        """What it hangs in, in words; empty: it does not."""


class HangWatch:
    """Looks whenever it is asked to. Not thread-safe."""

    def __init__(self, announce: Callable[[str, str, str | None, str], None]):
        """Prepare; `announce` takes the kind of event, a text, the queue, the code of the cause in `why`."""
        self._announce = announce
        self._known: frozenset[str] = frozenset()
        self.total = 0  # since the factory was started

    def look(self, queues: Mapping[str, MayHang]) -> None:
        """Look at all queues; returns at once."""
        hanging = {name: words for name, queue in queues.items() if (words := queue.hangs)}
        for name in hanging.keys() - self._known:
            self.total += 1
            words = (
                f"{hanging[name]}: this queue stands still until it returns; "
                "`autopyfactory reload` starts it anew at once"
            )
            self._announce("problem", words, name, "plugin-hangs")
        for name in self._known - hanging.keys():
            self._announce("recovered", "no plugin of this queue hangs any more", name, "")
        self._known = frozenset(hanging)
