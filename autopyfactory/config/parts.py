"""monitor.conf, auth.conf and mappings.conf: what queues refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autopyfactory.config import jobstates as job_states
from autopyfactory.config.keys import KeyJudge, closest
from autopyfactory.config.legacy import AUTH_KEYS
from autopyfactory.config.loader import RawConfig
from autopyfactory.config.lookup import Lookup, as_text
from autopyfactory.config.model import MonitorConfig, PluginChoice
from autopyfactory.options.binding import Binder
from autopyfactory.options.declare import Options, Scope
from autopyfactory.options.interpolate import Values
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Section


@dataclass(slots=True)
class Part:
    """The sections of one kind of file, those that can be used among them, and all problems."""

    sections: Mapping[str, Section] = field(default_factory=dict)
    choices: dict[str, PluginChoice] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    classes: dict[type[Options], None] = field(default_factory=dict)

    def monitors(self) -> dict[str, MonitorConfig]:
        """Return the usable sections as monitors."""
        return {n: MonitorConfig(self.sections[n], c) for n, c in self.choices.items()}


def build_monitors(raw: RawConfig, lookup: Lookup, binder: Binder, factory: Section) -> Part:
    """Look up and bind each section of monitor.conf by its `monitorplugin`."""
    judge = KeyJudge(lookup.registry, "monitor", ("monitor",))
    return _Builder("monitor", "monitor", "monitorplugin", lookup, binder, factory, judge).build(raw)


def build_auth(raw: RawConfig, lookup: Lookup, binder: Binder, factory: Section) -> Part:
    """Look up and bind each profile of auth.conf by its `plugin`."""
    judge = KeyJudge(lookup.registry, "auth", ("auth",), AUTH_KEYS)
    return _Builder("auth", "auth", "plugin", lookup, binder, factory, judge, _OLD_PROXY).build(raw)


# The older proxy.conf knew one kind of profile, and no key that names it.
_OLD_PROXY = {"proxyfile": "X509"}


@dataclass(slots=True)
class _Builder:
    kind: str
    scope: Scope
    key: str
    lookup: Lookup
    binder: Binder
    factory: Section
    judge: KeyJudge
    told_by: Mapping[str, str] = field(default_factory=dict)  # keys that only sections of one plugin have

    def build(self, raw: RawConfig) -> Part:
        part = Part(raw.sections, problems=list(raw.problems))
        spoilt = {p.section for p in raw.errors} | set(raw.tainted)
        for name, section in raw.sections.items():
            choice = self._choice(section, part)
            if choice is not None and name not in spoilt:
                part.choices[name] = choice
        return part

    def _choice(self, section: Section, part: Part) -> PluginChoice | None:
        told = (plugin for key, plugin in self.told_by.items() if key in section.values)
        name = as_text(section, self.key) or next(told, "")
        if not name:
            names = ", ".join(self.lookup.registry.names(self.kind)) or "none is installed"
            problem = Problem(
                "error",
                "required, but not set",
                section.where,
                section.name,
                self.key,
                hint=f"one of: {names}",
            )
            part.problems.append(problem)
            return None
        cls, found, _ = self.lookup.find(self.kind, name, section, self.key)
        if cls is None:
            part.problems.extend([found] if found else [])
            return None
        part.classes[cls.Options] = None
        options, problems = self.binder.bind(cls.Options, section, self.factory)
        keys = [k for k in section.values if k != self.key]
        problems.extend(self.judge.unknown(section, (cls.Options,), keys))
        part.problems.extend(problems)
        if options is None or any(p.severity == "error" for p in problems):
            return None
        return PluginChoice(self.kind, name, cls, options)


_UNREAD = ("CONDORBATCHSTATUS-GLOBUSSTATUS2INFO", "NATIVECONDORBATCHSTATUS")


def build_mappings(raw: RawConfig) -> tuple[dict[str, dict[str, str]], list[Problem]]:
    """Return mappings.conf as plain tables, without what is wrong in it."""
    problems = list(raw.problems)
    tables: dict[str, dict[str, str]] = {}
    for name, section in raw.sections.items():
        if name.startswith(_UNREAD):
            problems.append(
                Problem(
                    "warning", "nothing reads this section any more", section.where, name, hint="remove it"
                )
            )
            continue
        meant = None if name in job_states.BUILT_IN else closest(name, job_states.BUILT_IN)
        if meant:
            problems.append(
                Problem(
                    "warning",
                    "nothing reads this section",
                    section.where,
                    name,
                    None,
                    None,
                    f"did you mean {meant}?",
                )
            )
        tables[name] = _table(section, problems)
    for found in job_states.problems(tables):
        section = raw.sections[str(found.section)]
        problems.append(replace(found, where=section.values[str(found.key)].where))
        del tables[str(found.section)][str(found.key)]
    return tables, problems


def _table(section: Section, problems: list[Problem]) -> dict[str, str]:
    values = section.values
    # the defaults of a mapping would be job states of every system: only what the section says counts
    keys = values.own if isinstance(values, Values) else values
    table: dict[str, str] = {}
    for key in keys:
        try:
            table[key] = values[key].text
        except ConfigError as err:
            problems.extend(replace(p, section=section.name) for p in err.problems)
    return table
