"""The monitors of the queues: each on a reporter of its own, so that none can delay a cycle or another."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autopyfactory.config.model import Configuration, MonitorConfig, QueueConfig
from autopyfactory.model.record import CycleRecord, Event
from autopyfactory.notify.delivery import Reporter
from autopyfactory.plugins.base import MonitorPlugin


class Monitor:
    """One section of monitor.conf at work."""

    def __init__(self, config: MonitorConfig, plugin: MonitorPlugin[Any]):
        self.config = config
        self.plugin = plugin
        self.reporter = Reporter(f"monitor {config.section.name}", self._deliver)
        self.queues: list[QueueConfig] = []

    def _deliver(self, event: Event) -> None:
        if isinstance(event, CycleRecord):
            self.plugin.cycle(event)
        elif event.kind in ("started", "reloaded"):
            self.plugin.hello(self.queues)


class Monitors:
    """All monitors; told of everything, each passes on what concerns its queues."""

    def __init__(self) -> None:
        self._monitors: dict[str, Monitor] = {}

    def configure(self, configuration: Configuration) -> None:
        """Make, replace and drop monitors so that they are as configured."""
        wanted = {m.section.name: m for q in configuration.queues.values() for m in q.monitors}
        for name in list(self._monitors):
            if wanted.get(name) != self._monitors[name].config:
                self._monitors.pop(name).reporter.close(0.0)
        for name, config in wanted.items():
            if name not in self._monitors:
                plugin = config.choice.cls(config.choice.options, configuration.factory)
                self._monitors[name] = Monitor(config, plugin)
            self._monitors[name].queues = [
                q
                for q in configuration.queues.values()
                if q.options.enabled and any(m.section.name == name for m in q.monitors)
            ]

    def url(self, queue: QueueConfig) -> str | None:
        """Return where pilots of `queue` report to: the first of its monitors that takes reports."""
        urls = (self._monitors[m.section.name].plugin.url for m in queue.monitors)
        return next((u for u in urls if u), None)

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
