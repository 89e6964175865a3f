"""Whether the files that pilots need, and that were on this host, are there still.

A file that was never seen here may be on the host of the schedd, which only the schedd can tell. One that was
here and is gone is certain: pilots sent without it would only be held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from autopyfactory.credentials.pilotfiles import GONE, carried


class PilotFiles:
    """The files of one queue's pilots."""

    def __init__(self) -> None:
        self._here: set[str] = set()

    def gone(self, description: Mapping[str, str]) -> tuple[str, ...]:
        """Look at the files of a submit description; return what is gone, in words."""
        return tuple(self._look(description))

    def _look(self, description: Mapping[str, str]) -> Iterator[str]:
        named = dict(carried(description))
        self._here &= named.keys()
        for path, what in named.items():
            if Path(path).exists():
                self._here.add(path)
            elif path in self._here:
                yield f"{path} ({what}) {GONE}"
