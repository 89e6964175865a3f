"""`%(name)s`: values that are made of other values, worked out when they are asked for.

Lazy, so that a mistake in one key disturbs nobody who does not use it, and so that a thousand sections
can share one `[DEFAULT]` without copies.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Mapping

from autopyfactory.model.redact import hidden_value
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.section import Value

MAX_DEPTH = 10  # as in 2.4
MAX_LENGTH = 1 << 18  # characters of one value: references that multiply must not eat the memory
MAX_REFERENCES = 10_000  # looked up for one value, for the same reason

_REFERENCE = re.compile(r"%(?:(%)|\(([^()]+)\)s)")


class Values(Mapping[str, Value]):
    """The keys of a section: its own texts over shared defaults, interpolated at each access.

    Asking for a key whose references cannot be resolved raises `ConfigError` with one problem.
    """

    __slots__ = ("defaults", "own")

    def __init__(self, own: Mapping[str, Value], defaults: Mapping[str, Value]):
        self.own = own
        self.defaults = defaults

    def raw(self, key: str) -> Value:
        """Return `key` as it is written. Raises KeyError."""
        found = self.own.get(key)
        return self.defaults[key] if found is None else found

    def __getitem__(self, key: str) -> Value:
        value = self.raw(key)
        text = value.text
        if "%" not in text and text[:1] != "~":
            return value
        if "%" in text:
            text = _Expansion(self, key).text()
        return Value(_home(text), value.where)

    def __contains__(self, key: object) -> bool:
        return key in self.own or key in self.defaults

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from (k for k in self.defaults if k not in self.own)

    def __len__(self) -> int:
        return len(self.own) + sum(k not in self.own for k in self.defaults)


def references(text: str) -> list[str]:
    """Return the names that `text` refers to."""
    return [m[2] for m in _REFERENCE.finditer(text) if m[2]] if "%(" in text else []


def escape(text: str) -> str:
    """Return `text` so that interpolation gives it back unchanged; a leading ~ still means a home."""
    return text.replace("%", "%%")


def _home(text: str) -> str:
    try:
        return os.path.expanduser(text)
    except (ValueError, OSError):  # not a name that a user database can look up
        return text


class _Expansion:
    """One value being worked out, with limits on depth, length and number of references."""

    def __init__(self, values: Values, key: str):
        self.values = values
        self.key = key
        self.looked_up = 0
        self.length = 0

    def text(self) -> str:
        return "".join(self.pieces(self.key, ()))

    def pieces(self, key: str, path: tuple[str, ...]) -> Iterator[str]:
        if key in path:
            raise self.failed("refers to itself: " + " -> ".join((*path[path.index(key) :], key)))
        if len(path) > MAX_DEPTH:
            raise self.failed(f"references are nested more than {MAX_DEPTH} deep: " + " -> ".join(path))
        text = self.values.raw(key).text
        here = (*path, key)
        at = 0
        for match in _REFERENCE.finditer(text):
            yield self.literal(text[at : match.start()])
            if match[1]:
                yield self.counted("%")
            else:
                yield from self.referred(match[2], here)
            at = match.end()
        yield self.literal(text[at:])

    def referred(self, name: str, path: tuple[str, ...]) -> Iterator[str]:
        self.looked_up += 1
        if self.looked_up > MAX_REFERENCES:
            raise self.failed(f"needs more than {MAX_REFERENCES} references")
        if name not in self.values:
            via = "" if path[-1] == self.key else f" (in {path[-1]})"
            raise self.failed(
                f"refers to %({name})s{via}, which is set neither in this section nor in [DEFAULT]",
                hint=f"set {name}, or write %%({name})s for the plain text",
            )
        yield from self.pieces(name, path)

    def literal(self, text: str) -> str:
        if "%" in text:
            raise self.failed(
                "a percent sign must be doubled or begin a reference",
                hint="write %% for a percent sign, %(name)s for the value of another key",
            )
        return self.counted(text)

    def counted(self, text: str) -> str:
        self.length += len(text)
        if self.length > MAX_LENGTH:
            raise self.failed(f"is longer than {MAX_LENGTH} characters")
        return text

    def failed(self, message: str, hint: str | None = None) -> ConfigError:
        value = self.values.raw(self.key)
        shown = value.text if len(value.text) <= 80 else value.text[:77] + "..."
        shown = hidden_value(self.key, shown)
        return ConfigError([Problem("error", message, value.where, None, self.key, shown, hint)])
