"""Plugins, found by entry points: `autopyfactory.sched`, `autopyfactory.batchsubmit`, ...

Only the plugins that are asked for get imported. A plugin that cannot be imported hurts those who ask
for it and nobody else.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from autopyfactory.options.declare import Options

KINDS = ("sched", "wmsstatus", "batchstatus", "batchsubmit", "queueconfig", "auth", "monitor", "factory")
"""The kinds of plugins. `factory` holds parts of the daemon that only declare options of `[Factory]`."""


class PluginError(Exception):
    """A plugin cannot be had; `hint` says what to do about it."""

    def __init__(self, message: str, hint: str | None = None):
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Found:
    """One installed plugin: its class, or why it cannot be used."""

    kind: str
    name: str
    origin: str  # the distribution that brings it
    cls: type[Any] | None = None
    error: PluginError | None = None


def _installed(group: str) -> Iterable[EntryPoint]:
    return entry_points(group=group)


class Registry:
    """Finds plugins among entry points; each is imported once, when it is first asked for."""

    def __init__(self, source: Callable[[str], Iterable[EntryPoint]] = _installed):
        self._source = source
        self._points: dict[str, dict[str, list[EntryPoint]]] = {}
        self._found: dict[tuple[str, str], Found] = {}

    def names(self, kind: str) -> list[str]:
        """Return the names of all plugins of `kind`, sorted, without importing any."""
        return sorted(self._group(kind))

    def find(self, kind: str, name: str) -> type[Any]:
        """Return the plugin class `name` of `kind`. Raises PluginError."""
        if name not in self._group(kind):
            raise PluginError(f"there is no {kind} plugin {name!r}", self._suggestion(kind, name))
        found = self._load(kind, name)
        if found.cls is None:
            assert found.error is not None
            raise found.error
        return found.cls

    def all_of(self, kind: str) -> Iterator[Found]:
        """Yield every plugin of `kind`, sorted by name, importing all; broken ones carry their error."""
        for name in self.names(kind):
            yield self._load(kind, name)

    def _group(self, kind: str) -> dict[str, list[EntryPoint]]:
        if kind not in self._points:
            group: dict[str, list[EntryPoint]] = {}
            for point in self._source(f"autopyfactory.{kind}"):
                group.setdefault(point.name, []).append(point)
            self._points[kind] = group
        return self._points[kind]

    def _suggestion(self, kind: str, name: str) -> str:
        names = self.names(kind)
        close = [n for n in names if n.lower() == name.lower()] or difflib.get_close_matches(name, names, 1)
        if close:
            return f"did you mean {close[0]}?"
        return "installed are: " + ", ".join(names) if names else f"no {kind} plugin is installed"

    def _load(self, kind: str, name: str) -> Found:
        key = (kind, name)
        if key not in self._found:
            points = self._group(kind)[name]
            origin = ", ".join(sorted({p.dist.name if p.dist else "?" for p in points}))
            try:
                self._found[key] = Found(kind, name, origin, _import(kind, name, points, origin))
            except PluginError as err:
                self._found[key] = Found(kind, name, origin, None, err)
        return self._found[key]


def _import(kind: str, name: str, points: list[EntryPoint], origin: str) -> type[Any]:
    if len({p.value for p in points}) > 1:
        raise PluginError(
            f"the {kind} plugin {name!r} is there more than once: from {origin}", "uninstall all but one"
        )
    try:
        cls = points[0].load()
    except (Exception, SystemExit) as err:
        reason = f"{type(err).__name__}: {err}"
        raise PluginError(
            f"the {kind} plugin {name!r} (from {origin}) cannot be imported: {reason}",
            f"repair or upgrade {origin}",
        ) from err
    options = getattr(cls, "Options", None)
    if not (isinstance(cls, type) and isinstance(options, type) and issubclass(options, Options)):
        raise PluginError(
            f"the {kind} plugin {name!r} (from {origin}) is not a class with Options",
            f"{points[0].value} must be a plugin class",
        )
    return cls


@cache
def installed() -> Registry:
    """Return the registry of what is installed in this Python."""
    return Registry()


def find(kind: str, name: str) -> type[Any]:
    """Return the installed plugin class `name` of `kind`. Raises PluginError, with a suggestion."""
    return installed().find(kind, name)


def all_of(kind: str) -> Iterator[Found]:
    """Yield every installed plugin of `kind`, sorted by name."""
    return installed().all_of(kind)
