"""One source per external system, shared by all queues that ask it the same."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.accounting.place import spec_text
from autopyfactory.model.clock import Clock
from autopyfactory.model.info import BatchStatus, WMSStatus
from autopyfactory.plugins.base import BatchStatusPlugin, WMSStatusPlugin
from autopyfactory.sources.place import PlaceWatch
from autopyfactory.sources.source import StatusSource

AnySource = WMSStatusPlugin[Any] | BatchStatusPlugin[Any]


@dataclass
class _Shared:
    source: StatusSource[Any]
    place: str = ""  # of a batch system: what it is called
    users: set[str] = field(default_factory=set)


class SourcePool:
    """Hands out sources; one lives as long as somebody holds it."""

    def __init__(self, clock: Clock, book: Bookkeeper):
        self._clock = clock
        self._book = book
        self._lock = threading.Lock()
        self._shared: dict[Hashable, _Shared] = {}

    def acquire(self, plugin: AnySource, user: str) -> StatusSource[Any]:
        """Return the source that `plugin` asks for, started; `user` is who holds it."""
        key = (type(plugin), plugin.source_key())
        with self._lock:
            shared = self._shared.get(key)
            if shared is None:
                shared = self._shared[key] = _Shared(self._make(plugin))
                if isinstance(plugin, BatchStatusPlugin):
                    shared.place = plugin.target
                shared.source.start()
            shared.users.add(user)
            return shared.source

    def release(self, user: str) -> None:
        """Give back every source that `user` holds; one that nobody holds any more stops."""
        with self._lock:
            for key, shared in list(self._shared.items()):
                shared.users.discard(user)
                if not shared.users:
                    shared.source.stop()
                    del self._shared[key]

    def all(self) -> list[StatusSource[Any]]:
        """Return every source that lives."""
        with self._lock:
            return [s.source for s in self._shared.values()]

    def stop(self) -> None:
        """Ask all to end."""
        for source in self.all():
            source.stop()

    def places(self) -> set[str]:
        """Return the places that are asked for their pilots, as their plugins call them."""
        with self._lock:
            return {s.place for s in self._shared.values() if s.place}

    def refresh(self, target: str) -> None:
        """Ask the sources of a place sooner than their intervals say."""
        with self._lock:
            sources = [s.source for s in self._shared.values() if s.place == target]
        for source in sources:
            source.refresh()

    def _make(self, plugin: AnySource) -> StatusSource[Any]:
        if isinstance(plugin, BatchStatusPlugin):
            options = plugin.options.model_dump(mode="json")
            self._book.describe(plugin.target, spec_text(plugin.name, options))
            watch = PlaceWatch(plugin, self._book, self._clock)
            fetch: Callable[[], Any] = watch.fetch
            after = watch.after
        else:
            fetch, after = plugin.fetch, _nothing
        return StatusSource(
            plugin.label,
            fetch,
            interval=plugin.interval,
            maxage=plugin.maxage,
            clock=self._clock,
            answers=BatchStatus if isinstance(plugin, BatchStatusPlugin) else WMSStatus,
            after=after,
            close=plugin.close,
        )


def _nothing() -> bool:
    return False
