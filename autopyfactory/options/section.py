"""A section of a configuration as the options see it: final texts, each with its origin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autopyfactory.options.problem import Where


@dataclass(frozen=True, slots=True)
class Value:
    """The interpolated text of one key and where it was written."""

    text: str
    where: Where


@dataclass(frozen=True, slots=True)
class Section:
    """One section: the keys in effect, those of `[DEFAULT]` included."""

    name: str
    values: Mapping[str, Value] = field(default_factory=dict)
    where: Where | None = None
    inherited: frozenset[str] = frozenset()  # the keys that only `[DEFAULT]` gives

    def text(self, key: str) -> str | None:
        """Return the text of `key`, or None if it is not set or set to the word None."""
        value = self.values.get(key)
        return None if value is None or value.text in ("None", "none") else value.text

    @classmethod
    def of(cls, name: str, **texts: str) -> Section:
        """Make a section from plain texts (tests, tools); `__` in a name stands for a dot."""
        where = Where("<given>")
        return cls(name, {k.replace("__", "."): Value(v, where) for k, v in texts.items()}, where)

    @classmethod
    def from_texts(cls, name: str, texts: Mapping[str, str], where: Where | None = None) -> Section:
        """Make a section from a plain mapping of keys to texts."""
        place = where or Where("<given>")
        return cls(name, {k: Value(v, place) for k, v in texts.items()}, place)
