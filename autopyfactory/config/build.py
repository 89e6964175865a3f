"""The whole configuration, from the sources of `[Factory]` on: read, looked up, bound and judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextvars import Token
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from autopyfactory.config import trust
from autopyfactory.config.factory import SOURCE_KEYS, FactoryPart, read_factory
from autopyfactory.config.fetch import READING, Reading, reading
from autopyfactory.config.keys import KeyJudge
from autopyfactory.config.legacy import FACTORY_KEYS
from autopyfactory.config.loader import RawConfig, load_sources, merge
from autopyfactory.config.lookup import Lookup
from autopyfactory.config.model import Configuration
from autopyfactory.config.parts import build_auth, build_mappings, build_monitors
from autopyfactory.config.queues import QueueBuilder
from autopyfactory.config.registry import KINDS, Registry, installed
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.declare import Options, find, specs
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Section


class SectionSource(Protocol):
    """What is asked of a plugin of kind `queueconfig`; its base class stands a floor above."""

    sections: Mapping[str, Section]
    folder: Path | None

    def load(self) -> RawConfig:
        """Return the sections and the problems found in them. Raises ConfigError."""


def load(
    conf_sources: Sequence[str],
    *,
    overrides: Mapping[str, str] | None = None,
    registry: Registry | None = None,
) -> Configuration:
    """Read the configuration that `conf_sources` (files or URLs with `[Factory]`) lead to.

    `overrides` are keys of `[Factory]` from the command line. Raises ConfigError only if `[Factory]`
    cannot be used. A queue with an error is in `.broken`; everything found is in `.problems`.
    """
    configuration, usable = examine(conf_sources, overrides=overrides, registry=registry)
    if not usable:
        raise ConfigError(list(configuration.problems))
    return configuration


def examine(
    conf_sources: Sequence[str],
    *,
    overrides: Mapping[str, str] | None = None,
    registry: Registry | None = None,
) -> tuple[Configuration, bool]:
    """Like `load`, but go on as far as possible; the second result says whether `[Factory]` can be used.

    Raises Unreadable when not even that can be told.
    """
    binder = Binder()
    before = reading()
    token = _keep_copies_in(FactoryOptions.model_fields["state_dir"].default, network=True)
    try:
        factory = read_factory(conf_sources, overrides or {}, binder)
        READING.reset(token)
        binder.trust_urls = factory.options.queue_trust == "full"
        insecure = before.insecure or factory.options.queue_insecure
        token = _keep_copies_in(factory.options.state_dir, network=before.network, insecure=insecure)
        return _Build(factory, Lookup(registry or installed()), binder).configuration(), factory.usable
    finally:
        READING.reset(token)


def only_profiles(sources: Sequence[str], registry: Registry | None = None) -> Configuration:
    """Return a configuration that holds the credential profiles in `sources` and nothing else.

    For those who keep credentials without a factory. Everything found is in `.problems`.
    """
    factory = FactoryOptions(factory_id="credentials", base_log_dir="/nonexistent")
    section = Section("Factory")
    found = build_auth(load_sources(list(sources)), Lookup(registry or installed()), Binder(), section)
    return Configuration(
        factory, section, {}, auth=found.sections, problems=_once(found.problems), auth_choices=found.choices
    )


def _keep_copies_in(state_dir: str, network: bool, insecure: bool = False) -> Token[Reading]:
    how = replace(reading(), network=network, insecure=insecure)
    return READING.set(how if how.copies else replace(how, copies=Path(state_dir) / "config-copies"))


@dataclass(slots=True)
class _Build:
    """One configuration in the making."""

    factory: FactoryPart
    lookup: Lookup
    binder: Binder

    def configuration(self) -> Configuration:
        options, section = self.factory.options, self.factory.section
        problems = list(self.factory.problems)
        problems += trust.problems(options, section)
        monitors = build_monitors(load_sources(options.monitor_conf), self.lookup, self.binder, section)
        profiles = [s for s in options.auth_conf if trust.takes_credentials(options, s)]
        auth = build_auth(load_sources(profiles), self.lookup, self.binder, section)
        tables, found = build_mappings(load_sources(options.mappings_conf))
        problems += [*monitors.problems, *auth.problems, *found]
        raw, classes = self._queue_sections(problems)
        parts = self._parts(problems, classes)
        usable = monitors.monitors()
        builder = QueueBuilder(self.lookup, self.binder, section, usable, monitors.sections)
        queues = builder.build(raw)
        problems += queues.problems
        classes |= {**queues.classes, **monitors.classes, **auth.classes}
        problems += self._factory_keys(tuple(classes))
        return Configuration(
            options,
            section,
            queues.queues,
            queues.broken,
            usable,
            auth.sections,
            tables,
            _once(self._named(p) for p in problems),
            parts,
            auth.choices,
        )

    def _named(self, problem: Problem) -> Problem:
        """Return what is wrong with a source as a whole together with the place that names the source."""
        if problem.hint or problem.key or problem.where is None or problem.where.line:
            return problem
        for spec in specs(FactoryOptions):
            named = getattr(self.factory.options, spec.field) if spec.field in SOURCE_KEYS else ()
            hit = find(spec, self.factory.section) if problem.where.source in named else None
            if hit is not None:
                return replace(problem, hint=f"{hit[0]} at {hit[1].where} names it")
        return problem

    def _queue_sections(self, problems: list[Problem]) -> tuple[RawConfig, dict[type[Options], None]]:
        """Ask each plugin of `config.queues.plugin` for its sections and merge them."""
        parts: list[RawConfig] = []
        classes: dict[type[Options], None] = {FactoryOptions: None}
        for name in self.factory.options.queue_plugins:
            cls, problem, _ = self.lookup.find(
                "queueconfig", name, self._with_plugin_key(), "config.queues.plugin"
            )
            if cls is None:
                problems.extend([problem] if problem else [])
                continue
            classes[cls.Options] = None
            options, found = self.binder.bind(cls.Options, self.factory.section, self.factory.section)
            problems.extend(found)
            if options is not None:
                parts.append(self._ask(name, cls(options, self.factory.options), problems))
        return merge(parts), classes

    def _with_plugin_key(self) -> Section:
        """Return `[Factory]` with `config.queues.plugin` set, also when it is by default or an old name."""
        section, key = self.factory.section, "config.queues.plugin"
        if key in section.values:
            return section
        where = section.where
        return Section.from_texts(section.name, {key: ", ".join(self.factory.options.queue_plugins)}, where)

    def _ask(self, name: str, plugin: SectionSource, problems: list[Problem]) -> RawConfig:
        plugin.sections, plugin.folder = self.factory.others, self.factory.folder
        try:
            return plugin.load()
        except ConfigError as err:
            problems.extend(err.problems)
        except Exception as err:  # noqa: BLE001 - a third party's plugin may raise anything
            message = f"{name} gave no queues: {type(err).__name__}: {err}"
            where = self.factory.section.where
            problems.append(Problem("error", message, where, "Factory", "config.queues.plugin", name))
        return RawConfig()

    def _parts(self, problems: list[Problem], classes: dict[type[Options], None]) -> dict[str, Options]:
        """Bind what other parts of the daemon declare for `[Factory]`."""
        parts: dict[str, Options] = {}
        section = self.factory.section
        for found in self.lookup.registry.all_of("factory"):
            if found.cls is None:
                problems.append(Problem("error", str(found.error), section.where, section.name))
                continue
            classes[found.cls.Options] = None
            options, wrong = self.binder.bind(found.cls.Options, section, section)
            problems.extend(wrong)
            if options is not None:
                parts[found.name] = options
        return parts

    def _factory_keys(self, classes: tuple[type[Options], ...]) -> Iterable[Problem]:
        judge = KeyJudge(self.lookup.registry, "factory", KINDS, FACTORY_KEYS)
        return list(judge.unknown(self.factory.section, classes, list(self.factory.section.values)))


def _once(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(problems))
