"""Texts become typed options: the values of a section are gathered, validated, and complained about.

Thousands of queues mostly say the same things; equal texts give the same (immutable) instance, which
saves both the time to validate and the memory to keep them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from autopyfactory.model.redact import MASK, hidden
from autopyfactory.options.declare import Options, OptionSpec, family, find, homes, specs
from autopyfactory.options.describe import allowed, preferred_key
from autopyfactory.options.interpolate import Values
from autopyfactory.options.problem import ConfigError, Problem
from autopyfactory.options.remote import HINT, references
from autopyfactory.options.section import Section, Value

Bound = TypeVar("Bound", bound=Options)
NOT_SET = ("None", "none")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the text of an option comes from."""

    spec: OptionSpec
    section: Section
    key: str
    value: Value

    def problem(self, message: str) -> Problem:
        """Say what is wrong with this text, without showing secrets."""
        shown = MASK if self.spec.secret else hidden(self.value.text)
        kind = allowed(self.spec)
        return Problem("error", message, self.value.where, self.section.name, self.key, shown, None, kind)


@dataclass(slots=True)
class Gathered:
    """The texts that a section gives to the options of one class."""

    given: dict[str, Any] = field(default_factory=dict)
    origins: dict[tuple[str, ...], Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unresolved: set[str] = field(default_factory=set)  # fields that these problems are about

    def identity(self) -> tuple[Any, ...]:
        """Return something hashable that is equal for equal texts."""
        return tuple(
            (name, tuple(sorted(text.items())) if isinstance(text, dict) else text)
            for name, text in self.given.items()
        )


def gather(cls: type[Options], section: Section, factory: Section | None) -> Gathered:
    """Collect the text of every option of `cls` that is set, and where it was set."""
    result = Gathered()
    for spec in specs(cls):
        home = homes(spec, section, factory)
        if home is None:
            continue
        if spec.family:
            _take_family(result, spec, home)
        else:
            _take(result, spec, home)
    return result


def _take_family(result: Gathered, spec: OptionSpec, home: Section) -> None:
    texts = result.given[spec.field] = {}
    for short, key in family(spec, home).items():
        with _told(result, spec, home):
            value = home.values[key]
            texts[short] = value.text
            result.origins[(spec.field, short)] = Origin(spec, home, key, value)


def _take(result: Gathered, spec: OptionSpec, home: Section) -> None:
    with _told(result, spec, home):
        hit = find(spec, home)
        if hit is not None and hit[1].text not in NOT_SET:
            result.given[spec.field] = hit[1].text
            result.origins[(spec.field,)] = Origin(spec, home, *hit)


@contextmanager
def _told(result: Gathered, spec: OptionSpec, home: Section) -> Iterator[None]:
    """Note it when a reference in a value leads nowhere, and go on with the next one."""
    try:
        yield
    except ConfigError as err:
        result.unresolved.add(spec.field)
        found = (replace(p, section=home.name) for p in err.problems)
        result.problems.extend(replace(p, value=MASK) if spec.secret and p.value else p for p in found)


class Binder:
    """Binds options, once per different set of texts.

    Values that come from a URL are taken only where the option is declared safe for that, unless
    `trust_urls`. Options of scope `factory` are not judged: whoever starts the factory names their source.
    """

    def __init__(self, *, trust_urls: bool = False) -> None:
        self.trust_urls = trust_urls
        self._known: dict[tuple[Any, ...], Options] = {}
        self._shared: dict[tuple[Any, ...], tuple[Options, Section, Section | None]] = {}

    def bind(
        self, cls: type[Bound], section: Section, factory: Section | None = None, prefix: str = ""
    ) -> tuple[Bound | None, list[Problem]]:
        """Return the options of `cls` as `section` sets them, or None and every problem found.

        `prefix` is how the keys of this plugin begin, for those that could begin in several ways.
        """
        common = _common(cls, section, factory)
        if common in self._shared:
            return self._shared[common][0], []  # type: ignore[return-value]
        options, problems = self._bind(cls, section, factory, prefix)
        if common is not None and options is not None:
            # the sections are kept too, so that the identities in `common` stay what they are
            self._shared[common] = (options, section, factory)
        return options, problems

    def _bind(
        self, cls: type[Bound], section: Section, factory: Section | None, prefix: str
    ) -> tuple[Bound | None, list[Problem]]:
        got = gather(cls, section, factory)
        problems = [*got.problems, *(() if self.trust_urls else _not_from_urls(got))]
        identity = (cls, got.identity())
        known = None if problems else self._known.get(identity)
        if known is None:
            try:
                known = cls(**got.given)
            except ValidationError as err:
                problems += _invalid(cls, err, got, section, factory, prefix)
            except Exception as err:  # noqa: BLE001 - validators of a third party's plugin may raise anything
                message = f"{cls.__name__} cannot be made of these options: {type(err).__name__}: {err}"
                problems.append(Problem("error", message, section.where, section.name))
            if problems or known is None:
                return None, problems
            self._known[identity] = known
        return known, []  # type: ignore[return-value]


def bind(
    cls: type[Bound], section: Section, factory: Section | None = None
) -> tuple[Bound | None, list[Problem]]:
    """Read an `Options` instance from `section` (and factory-wide options from `factory`).

    Returns the instance and no problems, or None and every problem found: each names section, key, place
    and value. The word `None` means "not set" for every type.
    """
    return Binder().bind(cls, section, factory)


def _not_from_urls(got: Gathered) -> Iterator[Problem]:
    """Yield what others set over the network and may not, be it through a reference."""
    for origin in got.origins.values():
        if origin.spec.remote or origin.spec.scope == "factory":
            continue
        message = ""
        if origin.value.where.remote:
            message = "not taken from a URL: whoever runs it would decide what this host reads, runs or sends"
        elif wrong := list(references(origin.section, origin.key)):
            key, text = wrong[0]
            message = f"refers to {key}, which comes from a URL and is no plain name: {text[:60]!r}"
        if message:
            yield replace(origin.problem(message), hint=HINT, allowed=None)


def _common(cls: type[Options], section: Section, factory: Section | None) -> tuple[Any, ...] | None:
    """Return what is equal for all sections that take all options of `cls` from one `[DEFAULT]`.

    None if this section says something itself, or if what it inherits refers to other values.
    """
    values = section.values
    if not isinstance(values, Values):
        return None
    for spec in specs(cls):
        if spec.scope == "factory":
            continue
        if spec.family:
            return None
        for key in spec.keys + spec.legacy:
            if key in values.own or (key in values.defaults and "%" in values.defaults[key].text):
                return None
    return cls, id(values.defaults), id(factory)


def _invalid(
    cls: type[Options],
    err: ValidationError,
    got: Gathered,
    section: Section,
    factory: Section | None,
    prefix: str,
) -> Iterator[Problem]:
    """Yield what is wrong with the values; not that one lacks whose reference leads nowhere."""
    for error in err.errors(include_url=False):
        if error["type"] != "missing" or error["loc"][0] not in got.unresolved:
            yield _problem(cls, error, got, section, factory, prefix)


def _problem(
    cls: type[Options],
    error: Mapping[str, Any],
    got: Gathered,
    section: Section,
    factory: Section | None,
    prefix: str,
) -> Problem:
    loc = tuple(str(part) for part in error["loc"])
    origin = got.origins.get(loc[:2]) or got.origins.get(loc[:1])
    if origin is not None:
        return origin.problem(_plain(error))
    for spec in specs(cls):
        if loc and spec.field == loc[0]:
            home = homes(spec, section, factory) or section
            message = "required, but not set" if error["type"] == "missing" else _plain(error)
            key = preferred_key(spec, prefix)
            return Problem(
                "error", message, home.where, home.name, key, None, spec.description, allowed(spec)
            )
    return Problem("error", _plain(error), section.where, section.name)


_PLAIN = {
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is too large a number",
    "float_parsing": "is not a number",
    "finite_number": "is not a finite number",
    "bool_parsing": "is neither true nor false",
    "greater_than_equal": "is too small",
    "greater_than": "is too small",
    "less_than_equal": "is too large",
    "less_than": "is too large",
    "string_too_short": "is empty",
    "too_short": "is an empty list",
    "literal_error": "is not one of the allowed words",
    "enum": "is not one of the allowed words",
    "string_pattern_mismatch": "does not have the right form",
}


def _plain(error: Mapping[str, Any]) -> str:
    message = str(error["msg"])
    return _PLAIN.get(str(error["type"]), message.removeprefix("Value error, "))
