"""What the daemon needs: a factory, and who answers for it at the control socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from autopyfactory.control.server import Handler

if TYPE_CHECKING:
    from autopyfactory.config.model import Configuration


class Reloaded(Protocol):
    """What came of a reload."""

    @property
    def applied(self) -> bool:
        """Whether the new configuration is in force."""


class FactoryLike(Protocol):
    """What the daemon needs of a factory."""

    watchdog: Callable[[], None]

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""

    def underway(self) -> Mapping[str, Iterable[str]] | None:
        """By queue, the clusters with pilots that may not have ended, of days that are over.

        Empty among them: one that is not known; None: nobody can say.
        """

    def start(self) -> None:
        """Start everything, and return."""

    def run(self, stop: threading.Event) -> None:
        """Keep house until `stop` is set or there is nothing left to do."""

    def reload(self) -> Reloaded:
        """Apply the configuration as it is now, or keep the old one; log which, and why."""

    def shutdown(self, deadline: float) -> None:
        """End everything within `deadline` seconds."""


@dataclass(frozen=True)
class Built:
    """A factory that is not started yet, and what answers the commands of its control socket."""

    factory: FactoryLike
    answer: Handler
