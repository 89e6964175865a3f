"""One attribute of pilots for all that a schedd adds them up by and that never changes.

The schedd goes through all its jobs for each count, and each attribute by which it tells them apart costs it
some 20 ms for 100,000 of them. Here book, kind, queue and CE are one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

GROUP = "ApfGroup"  # the attribute; those that it stands for are there, too, but for a queue's only CE:
QUEUE, MARK = "MATCH_APF_QUEUE", "ApfInstance"
MOST = 20_000  # groups that are kept in mind
GRID = 9  # JobUniverse of pilots that go to a CE; others wait for a slot of the schedd's own pool
_NONE = "-"
_GRID, _HERE = "grid", "here"


@dataclass(frozen=True, slots=True)
class Group:
    """What pilots of one group have in common."""

    queue: str
    mark: str  # of the book that they are in; empty: of none
    grid: bool  # they go to a CE beyond the schedd
    ce: str  # which, in its one spelling, of queues with several; else empty

    def __str__(self) -> str:
        """Return the attribute's value."""
        kind = _GRID if self.grid else _HERE
        return " ".join((_word(self.mark), kind, _word(self.ce), self.queue))


def read(text: object) -> Group | None:
    """Return what the attribute's value says; None: it was not written by us, or is not there."""
    return _read(text) if isinstance(text, str) else None


@lru_cache(MOST)  # the same ones come with each count
def _read(text: str) -> Group | None:
    parts = text.split(" ", 3)
    if len(parts) != 4 or parts[1] not in (_GRID, _HERE):
        return None
    mark, kind, ce, queue = parts
    return Group(queue, _plain(mark), kind == _GRID, _plain(ce))


def _word(part: str) -> str:
    return quote(part).replace(_NONE, "%2D") or _NONE


def _plain(part: str) -> str:
    return "" if part == _NONE else unquote(part)
