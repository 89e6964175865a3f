"""`[Factory]`: read, completed with what the command line says, and bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autopyfactory.config import fetch
from autopyfactory.config.keys import closest
from autopyfactory.config.loader import RawConfig, load_sources
from autopyfactory.config.lookup import as_text
from autopyfactory.model.redact import shown
from autopyfactory.options.binding import Binder
from autopyfactory.options.common import FactoryOptions
from autopyfactory.options.declare import find, specs
from autopyfactory.options.interpolate import Values, escape
from autopyfactory.options.problem import Problem, Unreadable, Where
from autopyfactory.options.section import Section, Value

NAME = "Factory"
COMMAND_LINE = "<command line>"
SOURCE_KEYS = ("queue_conf", "auth_conf", "monitor_conf", "mappings_conf")
_PATHS = (*SOURCE_KEYS, "queue_dir_conf", "queue_defaults")
_PLACEHOLDERS = {"factoryId": "unknown", "baseLogDir": "/nonexistent"}


@dataclass(slots=True)
class FactoryPart:
    """`[Factory]` as far as it can be used: `usable` says whether the factory can run with it."""

    section: Section
    options: FactoryOptions
    usable: bool
    problems: list[Problem]
    others: Mapping[str, Section]  # sections beside [Factory] in the same sources

    @property
    def folder(self) -> Path:
        """Return the folder of the file with the section; relative paths in it are meant from there."""
        return folder_of(self.section.where or Where(COMMAND_LINE))


def read_factory(sources: Sequence[str], overrides: Mapping[str, str], binder: Binder) -> FactoryPart:
    """Read `[Factory]` from `sources`. Raises Unreadable when there is nothing to go on with."""
    raw = load_sources(sources, Path.cwd())
    if raw.errors and not raw.sections:
        raise Unreadable(list(raw.problems))
    section = raw.sections.get(NAME)
    if section is None:
        raise Unreadable([*raw.problems, _missing(raw, sources)])
    raw = replace(raw, problems=(*raw.problems, *_misplaced(raw)))
    section = _with_overrides(section, overrides)
    options, problems = binder.bind(FactoryOptions, section, section)
    unread = [p for p in raw.errors if p.section in (None, "DEFAULT", NAME)]
    if options is not None:
        return FactoryPart(section, _resolved(options, section), not unread, list(raw.problems), _others(raw))
    sound = _spare(section, problems)
    spare, _ = binder.bind(FactoryOptions, sound, sound)
    problems = [*raw.problems, *problems]
    if spare is None:
        raise Unreadable(problems)
    return FactoryPart(section, _resolved(spare, section), False, problems, _others(raw))


def _missing(raw: RawConfig, sources: Sequence[str]) -> Problem:
    hint = "the file given with --conf is autopyfactory.conf"
    near = closest(NAME, raw.sections)
    if near:
        hint = f"did you mean [{NAME}] by [{near}]?"
    elif any(as_text(s, "batchsubmitplugin") for s in raw.sections.values()):
        hint += "; these look like queues: name this file with queueConf there"
    where = Where(shown(sources[0])) if sources else None
    return Problem("error", f"there is no section [{NAME}]", where, hint=hint)


def _misplaced(raw: RawConfig) -> Iterator[Problem]:
    """Find queues among the sections beside [Factory]: nothing reads them there."""
    for name, section in raw.sections.items():
        if name != NAME and as_text(section, "batchsubmitplugin") and as_text(section, "schedplugin"):
            message = "looks like a queue, but queues are not read from this file"
            yield Problem("warning", message, section.where, name, hint="move it to a file of queueConf")


def _others(raw: RawConfig) -> dict[str, Section]:
    return {n: s for n, s in raw.sections.items() if n != NAME}


def _with_overrides(section: Section, overrides: Mapping[str, str]) -> Section:
    if not overrides:
        return section
    given = {k: Value(escape(v), Where(COMMAND_LINE)) for k, v in overrides.items()}
    values = section.values
    assert isinstance(values, Values)
    own = {**values.own, **given}
    return Section(
        section.name, Values(own, values.defaults), section.where, section.inherited - given.keys()
    )


def _spare(section: Section, problems: Sequence[Problem]) -> Section:
    """Return `section` without what is wrong in it, so that the rest can be checked all the same."""
    bad = {p.key for p in problems}
    values = section.values
    texts = {k: values.raw(k) for k in values if k not in bad} if isinstance(values, Values) else {}
    place = section.where or Where(COMMAND_LINE)
    for key, text in _PLACEHOLDERS.items():
        if key in bad:
            texts[key] = Value(text, place)
    return Section(section.name, Values(texts, {}), section.where)


def _resolved(options: FactoryOptions, section: Section) -> FactoryOptions:
    """Make the sources in `options` absolute: relative ones are meant from the file that names them."""
    update: dict[str, Any] = {}
    for spec in specs(FactoryOptions):
        hit = find(spec, section) if spec.field in _PATHS else None
        current = getattr(options, spec.field)
        if hit is None or not current:
            continue
        base = folder_of(hit[1].where)
        if isinstance(current, tuple):
            update[spec.field] = tuple(fetch.resolve(s, base) for s in current)
        else:
            update[spec.field] = fetch.resolve(current, base)
    return options.model_copy(update=update)


def folder_of(where: Where) -> Path:
    """Return from which folder a relative path that is written at `where` is meant."""
    if fetch.is_url(where.source) or where.source == COMMAND_LINE:
        return Path.cwd()
    return Path(where.source).parent
