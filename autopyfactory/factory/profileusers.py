"""Who uses the credential profiles: which queues name them, and with which of them one sends now."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from autopyfactory.config.model import Configuration
from autopyfactory.credentials.wallet import Choice, of_several
from autopyfactory.cycle.queue import APFQueue
from autopyfactory.model.clock import Clock
from autopyfactory.plugins.base import QueueContext

log = logging.getLogger("autopyfactory.credentials")

Users = Mapping[str, Mapping[str, tuple[str, ...]]]  # by profile: the queues that name it, and their CEs


class ProfileUsers:
    """The queues that run, as users of profiles."""

    def __init__(self, queues: Callable[[], Mapping[str, APFQueue]], clock: Clock):
        """Prepare. `queues` returns those that run, by name: another mapping whenever they are others."""
        self._queues = queues
        self._clock = clock
        self._known: tuple[Mapping[str, APFQueue], Users] = {}, {}

    def known(self) -> Users:
        """Return for each profile the queues that name it, and the CEs that each sends to."""
        queues, known = self._queues(), self._known
        if known[0] is not queues:
            known = self._known = queues, users_of(queues)
        return known[1]

    def wake(self, profile: str) -> None:
        """Have the queues that waited for `profile` run their next cycle now."""
        for name in self.known().get(profile, {}):
            if (queue := self._queues().get(name)) is not None:
                queue.wake()

    def choice(self, queue: str) -> Choice | None:
        """Return which credential `queue` sends with now; None when it is not known, or names no profile.

        Of several CEs also which get nothing.
        """
        running = self._queues().get(queue)
        routes, now = (running.parts.routes if running else ()), self._clock.now()
        try:
            return of_several([(r.submit.ce, r.submit.credential(now)) for r in routes])
        except Exception:  # noqa: BLE001 - a third party's plugin may raise anything; its cycles tell it
            return None


def users_of(queues: Mapping[str, APFQueue]) -> Users:
    """Return for each profile the queues among `queues` that name it, and the CEs that each sends to."""
    users: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, queue in dict(queues).items():
        for profile in getattr(queue.config.batchsubmit.options, "auth", ()):
            users.setdefault(profile, {})[name] = queue.parts.ces
    return users


def configured_users(configuration: Configuration) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return for each profile the queues that name it, and the CEs of each, without a factory that runs.

    A queue whose plugin cannot be made is left out: it sends nothing.
    """
    users: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, queue in configuration.queues.items():
        profiles = getattr(queue.batchsubmit.options, "auth", ())
        if not profiles or not queue.options.enabled:
            continue
        context = QueueContext(name, queue.options, configuration.factory, mappings=configuration.mappings)
        try:
            made = (r.batchsubmit.cls(r.batchsubmit.options, context) for r in queue.routes)
            ces = tuple(dict.fromkeys(str(submit.ce) for submit in made))
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            log.warning("queue %s: its CE cannot be told: %s", name, err)
            continue
        for profile in profiles:
            users.setdefault(profile, {})[name] = ces
    return users
