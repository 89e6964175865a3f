"""Places as the book asks them: what answers its requests in a factory."""

from __future__ import annotations

from typing import Any, Protocol

from autopyfactory.accounting.book import Batch
from autopyfactory.accounting.requests import (
    Count,
    Counted,
    Endings,
    ReadEndings,
    Request,
    Search,
    Searched,
    Submitted,
    Survey,
    Surveyed,
)


class PlacePort(Protocol):
    """What can be asked of one place. Each method raises NoAnswer, within a time limit."""

    def count(self) -> Counted:
        """Return all pilots with our factory's name."""

    def endings(self, cursor: str) -> Endings:
        """Return who has ended since `cursor`."""

    def survey(self) -> Surveyed:
        """Return the tags in the queue. Raises NotDone where nobody can tell."""

    def search(self, tags: frozenset[str], most: int) -> Searched:
        """Return what queue and history know of `tags`. Raises NotDone where nobody can tell."""


class SubmitPort(Protocol):
    """How the pilots of one queue are sent."""

    def submit(self, batch: Batch, identity: str) -> Submitted:
        """Send the pilots of `batch` to the place, if it has this identity. Raises NotDone, NoAnswer."""


def ask(place: PlacePort, request: Request) -> Any:
    """Return what `place` answers to `request`. Raises NoAnswer, NotDone."""
    if isinstance(request, Count):
        return place.count()
    if isinstance(request, ReadEndings):
        return place.endings(request.cursor)
    if isinstance(request, Survey):
        return place.survey()
    assert isinstance(request, Search)
    return place.search(request.tags, request.most)
