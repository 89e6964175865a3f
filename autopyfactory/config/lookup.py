"""Plugin names in sections become classes, or one clear problem."""

from __future__ import annotations

from typing import Any

from autopyfactory.config.legacy import gone
from autopyfactory.config.registry import PluginError, Registry
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Section


def as_text(section: Section, key: str) -> str:
    """Return the text of `key`; empty if it is not set, says None, or cannot be worked out."""
    try:
        return section.text(key) or ""
    except ConfigError:  # reported where the option is bound
        return ""


class Lookup:
    """Finds plugins for sections."""

    def __init__(self, registry: Registry):
        self.registry = registry

    def find(
        self, kind: str, name: str, section: Section, key: str
    ) -> tuple[type[Any] | None, Problem | None, bool]:
        """Return the class, or the problem and whether it is that the technology is gone."""
        try:
            return self.registry.find(kind, name), None, False
        except PluginError as err:
            former = gone(kind, name)
            if former is None:
                message, hint = str(err), err.hint
            else:
                message, hint = former.why, self._replacement(kind, former.replacement, former.how)
        value = section.values.get(key)  # a plugin that goes without saying has none
        where, text = (value.where, value.text) if value else (section.where, None)
        problem = Problem("error", message, where, section.name, key, text, hint)
        return None, problem, former is not None

    def _replacement(self, kind: str, name: str | None, how: str) -> str | None:
        if name is None:
            return how or None
        missing = "" if name in self.registry.names(kind) else " (a plugin that is not installed here)"
        return f"use {name}{missing}" + (f": {how}" if how else "")
