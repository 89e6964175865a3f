"""The real chain of a queue, built from a factory's configuration or from a bare file with sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autopyfactory.config import build
from autopyfactory.config.fetch import READING, reading
from autopyfactory.config.loader import load_sources
from autopyfactory.config.model import Configuration, PluginChoice
from autopyfactory.config.registry import PluginError
from autopyfactory.config.registry import find as find_plugin
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.declare import Options, specs
from autopyfactory.options.problem import ConfigError, Problem, Where
from autopyfactory.options.section import Section, Value
from autopyfactory.plugins.base import QueueContext, SchedPlugin

FACTORY = "Factory"
NOT_NEEDED = {"batchsubmitplugin": "simulated"}  # required of a real queue; nothing is sent here


@dataclass(frozen=True)
class SimulatedQueue:
    """What a simulation needs of a queue."""

    name: str
    chain: tuple[SchedPlugin[Any], ...]
    options: QueueOptions

    def has_option(self, key: str) -> bool:
        """Return whether one of its rules has this option."""
        return any(key in spec.keys for rule in self.chain for spec in specs(type(rule.options)))

    def with_option(self, key: str, text: str) -> SimulatedQueue:
        """Return this queue with one option of its rules set otherwise. Raises ConfigError."""
        return replace(self, chain=tuple(_changed(rule, key, text) for rule in self.chain))

    def settings(self, rule: SchedPlugin[Any]) -> Iterator[tuple[str, str]]:
        """Yield the options of a rule as key and value, defaults included."""
        for spec in specs(type(rule.options)):
            value = getattr(rule.options, spec.field)
            yield spec.keys[0], ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _changed(rule: SchedPlugin[Any], key: str, text: str) -> SchedPlugin[Any]:
    kind: type[Options] = type(rule.options)
    spec = next((spec for spec in specs(kind) if key in spec.keys), None)
    if spec is None:
        return rule
    section = Section.from_texts(rule.context.queue, {spec.keys[0]: text})
    read, problems = Binder().bind(kind, section, section)
    if read is None:
        raise ConfigError(problems)
    changed = rule.options.model_copy(update={spec.field: getattr(read, spec.field)})
    return type(rule)(changed, rule.context)


def load(conf: Sequence[str], queue: str | None = None) -> SimulatedQueue:
    """Return the queue named `queue`, or the first one, of `conf`.

    `conf` is what the factory is started with, or files with nothing but queue sections.
    Raises ConfigError with everything that is wrong with that queue.
    """
    raw = load_sources(conf, Path.cwd())
    if FACTORY not in raw.sections and raw.sections:
        name, section = _pick(raw.sections, queue, conf, raw.problems)
        unread = [p for p in raw.errors if p.section in (None, "DEFAULT", name)]
        if unread:
            raise ConfigError(unread)
        return from_section(section)
    configuration = _examine(conf)
    if queue is not None and queue in configuration.broken:
        raise ConfigError(list(configuration.broken[queue]))
    name, chosen = _pick(configuration.queues, queue, conf, configuration.problems)
    context = QueueContext(name, chosen.options, configuration.factory, None, configuration.mappings)
    return SimulatedQueue(name, _rules(chosen.sched, context), chosen.options)


def _examine(conf: Sequence[str]) -> Configuration:
    """Read the configuration as far as possible, leaving no copies behind.

    What keeps a factory from running, such as a missing log directory, does not keep a chain from deciding.
    """
    token = READING.set(replace(reading(), keep=False))
    try:
        return build.examine(conf)[0]
    finally:
        READING.reset(token)


def _pick(
    queues: Mapping[str, Any], name: str | None, conf: Sequence[str], problems: Sequence[Problem]
) -> tuple[str, Any]:
    if name is None and queues:
        return next(iter(queues.items()))
    if name is not None and name in queues:
        return name, queues[name]
    what = f"there is no queue {name!r}" if name else "there is no queue"
    hint = f"there are {', '.join(queues)}" if queues else None
    errors = [p for p in problems if p.severity == "error"]
    raise ConfigError([*errors, Problem("error", what, Where(", ".join(conf)), hint=hint)])


def from_texts(texts: Mapping[str, str], name: str = "simulated") -> SimulatedQueue:
    """Make a queue from plain keys and texts. Raises ConfigError."""
    return from_section(Section.from_texts(name, texts))


def from_section(section: Section) -> SimulatedQueue:
    """Make a queue from one section, which also stands for `[Factory]`. Raises ConfigError."""
    place = section.where or Where("<given>")
    fill = {k: Value(v, place) for k, v in NOT_NEEDED.items() if k not in section.values}
    whole = Section(section.name, {**section.values, **fill}, section.where, section.inherited)
    binder = Binder()
    options, problems = binder.bind(QueueOptions, whole)
    choices: list[PluginChoice] = []
    for name in options.sched if options else ():
        choice, found = _choose(name, section, binder)
        problems = [*problems, *found]
        choices += [choice] if choice else []
    if problems or options is None:
        raise ConfigError(problems)
    factory = FactoryOptions(factory_id="simulated", base_log_dir="/nonexistent")
    context = QueueContext(section.name, options, factory)
    return SimulatedQueue(section.name, _rules(choices, context), options)


def _choose(name: str, section: Section, binder: Binder) -> tuple[PluginChoice | None, list[Problem]]:
    try:
        cls = find_plugin("sched", name)
    except PluginError as err:
        hit = section.values.get("schedplugin")
        where = hit.where if hit else section.where
        return None, [Problem("error", str(err), where, section.name, "schedplugin", name, err.hint)]
    options_class: type[Options] = cls.Options
    options, problems = binder.bind(options_class, section, section)
    return (None if options is None else PluginChoice("sched", name, cls, options)), problems


def _rules(choices: Sequence[PluginChoice], context: QueueContext) -> tuple[SchedPlugin[Any], ...]:
    return tuple(choice.cls(choice.options, context) for choice in choices)
