"""What a queue asks of its factory."""

from __future__ import annotations

from typing import Protocol

from autopyfactory.model.decision import OtherQueues


class Paused(Protocol):
    """A pause in force."""

    @property
    def words(self) -> str:
        """Say who paused the queue, until when and why."""

    @property
    def drains(self) -> bool:
        """Whether pilots that do not run yet are to be taken back."""


class KnowsOthers(Protocol):
    """What it asks about other queues."""

    def other_queues(self, queue: str) -> OtherQueues:
        """Return what `queue` has to know of the others, as far as its rules need it."""


class Neighbours(KnowsOthers, Protocol):
    """All that it asks."""

    def paused(self, queue: str) -> Paused | None:
        """Return the pause of `queue` in force."""

    def blocked(self) -> tuple[str, ...]:
        """Return why no queue of the factory may send now; empty when they may."""
