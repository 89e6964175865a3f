"""Places where pilots are that no queue names any more: they are asked until the last pilot has ended."""

from __future__ import annotations

import json
import logging
from typing import Any

from autopyfactory.accounting.bookkeeper import Bookkeeper
from autopyfactory.config import registry
from autopyfactory.config.model import Configuration
from autopyfactory.options.common import QueueOptions
from autopyfactory.plugins.base import BatchStatusPlugin, QueueContext, Shared
from autopyfactory.sources.pool import SourcePool

LONG = 600.0  # seconds without counts after which a place is asked by all its names

log = logging.getLogger("autopyfactory.factory")


class LeftBehind:
    """Holds the sources of places that only the book needs. Not thread-safe."""

    def __init__(self, book: Bookkeeper, sources: SourcePool, shared: Shared):
        self._book = book
        self._sources = sources
        self._shared = shared
        self._ways: dict[str, set[str]] = {}  # by place: how it is asked for us
        self._told: set[tuple[str, str]] = set()

    def look_after(self, configuration: Configuration) -> None:
        """Start to ask places that nobody else asks, and stop where no pilot is left."""
        wanted = self._book.places_with_pilots()
        for name in self._ways.keys() - wanted.keys():
            self._sources.release(_holder(name))
            del self._ways[name]
        asked = {self._book.resolve(target) for target in self._sources.places()}
        for name, spec in wanted.items():
            ways = [] if name in asked else [spec]
            if self._book.silent_for(name) > LONG:  # the name that is asked may be a dead one of its names
                ways += self._book.ways_to(name)
            for way in ways:
                if way not in self._ways.get(name, ()):
                    self._ask(name, way, configuration)

    def _ask(self, name: str, way: str, configuration: Configuration) -> None:
        """Begin to ask the place `name` in this way."""
        try:
            self._sources.acquire(self._plugin(way, configuration), _holder(name))
            self._ways.setdefault(name, set()).add(way)
        except Exception as err:  # noqa: BLE001 - whatever an old option does wrong costs this place only
            if (name, way) not in self._told:
                log.error("the pilots left behind at %s cannot be asked for: %s", name, err)
                self._told.add((name, way))

    def _plugin(self, spec: str, configuration: Configuration) -> BatchStatusPlugin[Any]:
        if not spec:
            raise ValueError("nobody has written down how to reach it")
        said = json.loads(spec)
        cls = registry.find("batchstatus", said["plugin"])
        context = QueueContext(
            queue="",
            queue_options=QueueOptions.model_construct(enabled=False, wmsqueue="", sched=(), batchsubmit=""),
            factory=configuration.factory,
            mappings=configuration.mappings,
            shared=self._shared,
        )
        plugin: BatchStatusPlugin[Any] = cls(cls.Options.model_validate(said["options"]), context)
        return plugin


def _holder(name: str) -> str:
    return f"pilots left at {name}"
