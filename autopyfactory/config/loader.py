"""Sources of configuration become sections: reading and merging.

A *unit* is what 2.4 gave to one parser: a file, a URL, or all `*.conf` of a folder (which share one
`[DEFAULT]`). Units are merged section by section; what a section says explicitly in any unit beats every
`[DEFAULT]`; among equals the later unit wins, unless the section already there says `override = True`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from autopyfactory.config import fetch
from autopyfactory.config.ini import DEFAULT, parse
from autopyfactory.model.once import once
from autopyfactory.model.redact import shown
from autopyfactory.options.interpolate import Values, escape
from autopyfactory.options.problem import ConfigError, Problem, Where
from autopyfactory.options.section import Section, Value


@dataclass(frozen=True)
class RawConfig:
    """Merged sections, interpolated when they are read, and every problem found on the way.

    `tainted` names the sections whose `[DEFAULT]` could not be read completely, with the reasons.
    """

    sections: Mapping[str, Section] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    tainted: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def errors(self) -> list[Problem]:
        """Return the problems that are errors."""
        return [p for p in self.problems if p.severity == "error"]


class Defaults(dict[str, Value]):
    """The `[DEFAULT]` that many sections share; not changed any more once a section was made of it."""

    @once
    def names(self) -> frozenset[str]:
        """Return its keys, as one object for all sections."""
        return frozenset(self)


@dataclass(frozen=True, slots=True)
class _Layer:
    """One section of one unit."""

    name: str
    own: Mapping[str, Value]
    defaults: Mapping[str, Value]
    where: Where | None
    taint: tuple[Problem, ...] = ()


def load_sources(sources: Iterable[str], base: Path | None = None) -> RawConfig:
    """Read and merge files and URLs; a later one wins. A source that gives nothing is told as an error."""
    return merge(_read_unit([fetch.resolve(s, base)]) for s in sources)


def load_directory(folder: str) -> RawConfig:
    """Read all `*.conf` of `folder` in sorted order, as if they were one file."""
    try:
        # not glob(): it takes a folder that may not be read for an empty one
        names = [e.name for e in os.scandir(folder)]
        files = sorted(str(Path(folder, n)) for n in names if fnmatch(n, "*.conf") and not n.startswith("."))
    except (OSError, ValueError) as err:
        reason = err.strerror if isinstance(err, OSError) and err.strerror else str(err)
        return RawConfig(problems=(Problem("error", f"cannot be read: {reason}", Where(folder)),))
    return _read_unit(files)


def parse_text(text: str | bytes, source: str = "<text>") -> RawConfig:
    """Make sections from a text that is already here."""
    data = text.encode() if isinstance(text, str) else text
    return _unit([(data, source)], [])


def make_section(
    name: str, own: Mapping[str, Value], defaults: Mapping[str, Value], where: Where | None = None
) -> Section:
    """Make a section from raw texts over shared defaults; both are interpolated at access."""
    names = defaults.names if isinstance(defaults, Defaults) else frozenset(defaults)
    return Section(name, Values(own, defaults), where, names if names.isdisjoint(own) else names - own.keys())


def over_defaults(raw: RawConfig, source: str) -> RawConfig:
    """Return `raw` with the `[DEFAULT]` of the file `source` under every section.

    When that file cannot be read, the limits of these sections are not known: each is tainted.
    """
    try:
        data, found = fetch.read(source)
    except ConfigError as err:
        data, found = b"", err.problems
    parsed = parse(data, shown(source))
    found = [*found, *parsed.problems]
    below = Defaults(parsed.defaults)
    under = {name: make_section(name, {}, below, section.where) for name, section in raw.sections.items()}
    taint = tuple(p for p in found if p.severity == "error")
    base = RawConfig(under, tuple(found), dict.fromkeys(under, taint) if taint else {})
    return merge([base, raw])


def merge(parts: Iterable[RawConfig]) -> RawConfig:
    """Merge configurations that were read by themselves; a later one wins."""
    layers: dict[str, list[_Layer]] = {}
    problems: list[Problem] = []
    for part in parts:
        problems.extend(part.problems)
        for section in part.sections.values():
            layer = _as_layer(section, part.tainted.get(section.name, ()))
            layers.setdefault(section.name, []).append(layer)
    folder = _Folder()
    sections = {name: folder.fold(stack) for name, stack in layers.items()}
    tainted = {
        name: tuple(p for layer in stack for p in layer.taint)
        for name, stack in layers.items()
        if any(layer.taint for layer in stack)
    }
    return RawConfig(sections, (*problems, *folder.problems), tainted)


class _Folder:
    """Folds the layers of sections, sharing merged defaults between sections of the same units."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._defaults: dict[tuple[int, ...], Mapping[str, Value]] = {}

    def fold(self, stack: Sequence[_Layer]) -> Section:
        first, *rest = stack
        own, chain = first.own, [first.defaults]
        for layer in rest:
            if self._overrides(first.name, own, self._merged(chain)):
                fixed = {*own, *self._merged(chain)}
                own = {**own, **{k: v for k, v in layer.own.items() if k not in fixed}}
                chain = [layer.defaults, *chain]
            else:
                own = {**own, **layer.own}
                chain = [*chain, layer.defaults]
        return make_section(first.name, own, self._merged(chain), first.where)

    def _merged(self, chain: Sequence[Mapping[str, Value]]) -> Mapping[str, Value]:
        """Return the defaults of several units as one, the later ones winning."""
        if len(chain) == 1:
            return chain[0]
        key = tuple(id(d) for d in chain)  # safe: the layers keep them alive while we fold
        if key not in self._defaults:
            merged = Defaults()
            for defaults in chain:
                merged.update(defaults)
            self._defaults[key] = merged
        return self._defaults[key]

    def _overrides(self, name: str, own: Mapping[str, Value], defaults: Mapping[str, Value]) -> bool:
        if "override" not in own and "override" not in defaults:
            return False
        try:
            text = Values(own, defaults)["override"].text.lower()
        except ConfigError as err:
            self.problems.extend(err.problems)
            return False
        if text in ("true", "yes", "on", "1"):
            return True
        if text not in ("false", "no", "off", "0", "none", ""):
            value = Values(own, defaults).raw("override")
            message = "is neither true nor false"
            self.problems.append(Problem("error", message, value.where, name, "override", value.text))
        return False


def _as_layer(section: Section, taint: tuple[Problem, ...]) -> _Layer:
    values = section.values
    if isinstance(values, Values):
        return _Layer(section.name, values.own, values.defaults, section.where, taint)
    plain = {k: Value(escape(v.text), v.where) for k, v in values.items()}
    return _Layer(section.name, plain, {}, section.where, taint)


def _read_unit(sources: Sequence[str]) -> RawConfig:
    texts: list[tuple[bytes, str]] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            data, warnings = fetch.read(source)
        except ConfigError as err:
            problems.extend(err.problems)
            continue
        problems.extend(warnings)
        texts.append((data, shown(source)))
    return _unit(texts, problems)


def _unit(texts: Sequence[tuple[bytes, str]], problems: list[Problem]) -> RawConfig:
    """Parse texts that share one `[DEFAULT]`."""
    defaults = Defaults()
    sections: dict[str, dict[str, Value]] = {}
    headers: dict[str, Where] = {}
    for data, source in texts:
        ini = parse(data, source)
        problems.extend(ini.problems)
        defaults.update(ini.defaults)
        for name, own in ini.sections.items():
            sections.setdefault(name, {}).update(own)
            headers.setdefault(name, ini.headers[name])
    taint = tuple(p for p in problems if p.severity == "error" and p.section in (DEFAULT, None))
    made = {name: make_section(name, own, defaults, headers[name]) for name, own in sections.items()}
    return RawConfig(made, tuple(problems), dict.fromkeys(made, taint) if taint else {})
