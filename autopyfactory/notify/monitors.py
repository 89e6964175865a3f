"""The monitors of the queues: each on a reporter of its own, so that none can delay a cycle or another."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from autopyfactory.config.model import Configuration, MonitorConfig, QueueConfig
from autopyfactory.model.record import CycleRecord, Event
from autopyfactory.notify.delivery import Reporter
from autopyfactory.options.common import FactoryOptions
from autopyfactory.plugins.base import MonitorPlugin

log = logging.getLogger(__name__)


class Monitor:
    """One section of monitor.conf at work."""

    def __init__(self, config: MonitorConfig, plugin: MonitorPlugin[Any], factory: FactoryOptions):
        self.config = config
        self.factory = factory  # as the plugin knows it
        self.plugin = plugin
        self.reporter = Reporter(f"monitor {config.section.name}", self._deliver)
        self.queues: list[QueueConfig] = []

    def _deliver(self, event: Event) -> None:
        if isinstance(event, CycleRecord):
            self.plugin.cycle(event)
        elif event.kind in ("started", "reloaded"):
            self.plugin.hello(self.queues)


class Monitors:
    """All monitors; told of everything, each passes on what concerns its queues.

    One that cannot be made costs itself only: its queues run without it, and it is tried again.
    """

    def __init__(self) -> None:
        self._monitors: dict[str, Monitor] = {}
        self._missing: dict[str, str] = {}  # why monitors that are wanted are not there
        self._configuration: Configuration | None = None

    def configure(self, configuration: Configuration) -> None:
        """Make, replace and drop monitors so that they are as configured."""
        self._configuration = configuration
        wanted = {m.section.name: m for q in configuration.queues.values() for m in q.monitors}
        for name in list(self._monitors):
            known = self._monitors[name]
            if wanted.get(name) != known.config or configuration.factory != known.factory:
                self._monitors.pop(name).reporter.close(0.0)
        self._missing = {name: why for name, why in self._missing.items() if name in wanted}
        for name, config in wanted.items():
            if name not in self._monitors:
                self._make(name, config, configuration)
            if name in self._monitors:
                self._monitors[name].queues = [
                    q
                    for q in configuration.queues.values()
                    if q.options.enabled and any(m.section.name == name for m in q.monitors)
                ]

    def _make(self, name: str, config: MonitorConfig, configuration: Configuration) -> None:
        try:
            plugin = config.choice.cls(config.choice.options, configuration.factory)
        except Exception as err:
            why = f"{type(err).__name__}: {err}"
            if self._missing.get(name) != why:
                log.error("monitor %s cannot be made, it is tried again: %s", name, why, exc_info=err)
            self._missing[name] = why
            return
        self._missing.pop(name, None)
        self._monitors[name] = Monitor(config, plugin, configuration.factory)

    def retry(self) -> None:
        """Try again to make what could not be made."""
        if self._missing and self._configuration is not None:
            self.configure(self._configuration)

    @property
    def missing(self) -> Mapping[str, str]:
        """Return why monitors that are configured do not work, by name."""
        return dict(self._missing)

    def url(self, queue: QueueConfig) -> str | None:
        """Return where pilots of `queue` report to: the first of its monitors that takes reports."""
        there = (self._monitors.get(m.section.name) for m in queue.monitors)
        return next((m.plugin.url for m in there if m is not None and m.plugin.url), None)

    def report(self, event: Event, queue: QueueConfig | None = None) -> None:
        """Pass `event` to the monitors of `queue`, or to all when it concerns the factory."""
        names = self._monitors if queue is None else [m.section.name for m in queue.monitors]
        for name in list(names):
            monitor = self._monitors.get(name)
            if monitor is not None:
                monitor.reporter.report(event)

    def reporters(self) -> Iterable[Reporter]:
        """Return the reporter of each monitor."""
        return [m.reporter for m in self._monitors.values()]
