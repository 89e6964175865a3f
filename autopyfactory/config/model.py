"""A whole configuration, validated: what the factory is built from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options
from autopyfactory.options.problem import Problem
from autopyfactory.options.section import Section

PartT = TypeVar("PartT", bound=Options)


@dataclass(frozen=True)
class PluginChoice:
    """A plugin that a section asks for, with its validated options."""

    kind: str  # sched, wmsstatus, ...
    name: str  # as the user wrote it
    cls: type[Any]
    options: Options


@dataclass(frozen=True)
class MonitorConfig:
    """One section of monitor.conf."""

    section: Section
    choice: PluginChoice


@dataclass(frozen=True)
class Route:
    """One way of a queue's pilots: how they are sent, to one CE through one schedd, and counted there."""

    batchsubmit: PluginChoice
    batchstatus: PluginChoice | None = None
    weight: float = 1.0  # of its schedd among several


@dataclass(frozen=True)
class QueueConfig:
    """One queue that can run: its section, options and plugins are all valid."""

    name: str
    section: Section
    options: QueueOptions
    sched: tuple[PluginChoice, ...]
    batchsubmit: PluginChoice
    wmsstatus: PluginChoice | None = None
    batchstatus: PluginChoice | None = None
    monitors: tuple[MonitorConfig, ...] = ()
    weight: float = 1.0  # of the first schedd among several
    others: tuple[Route, ...] = ()  # further ways, of a queue with several CEs or schedds

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return every way of its pilots."""
        return (Route(self.batchsubmit, self.batchstatus, self.weight), *self.others)


@dataclass(frozen=True)
class Configuration:
    """All that was configured. `broken` queues are left out of `queues`; `problems` says why."""

    factory: FactoryOptions
    factory_section: Section
    queues: Mapping[str, QueueConfig]  # enabled or not: see QueueConfig.options.enabled
    broken: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    monitors: Mapping[str, MonitorConfig] = field(default_factory=dict)
    auth: Mapping[str, Section] = field(default_factory=dict)
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()  # everything found, those of broken queues included
    parts: Mapping[str, Options] = field(default_factory=dict)  # of [Factory], by plugin of kind `factory`
    auth_choices: Mapping[str, PluginChoice] = field(default_factory=dict)  # those of `auth` that are valid

    @property
    def errors(self) -> tuple[Problem, ...]:
        """Return the problems that keep something from working."""
        return tuple(p for p in self.problems if p.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Return the problems that do not."""
        return tuple(p for p in self.problems if p.severity == "warning")

    def part(self, name: str, default: PartT) -> PartT:
        """Return the options of [Factory] that `name` declares; `default` where it has none of this kind."""
        found = self.parts.get(name)
        return found if isinstance(found, type(default)) else default
