"""Options, declared once: validation, `check`, `config dump`, the reference and the man page come from here.

A plugin declares a subclass of `Options` whose fields are made with `option(...)`. The key of a field is
the name that users write in the file. `{prefix}` in a key stands for any of the class's `prefixes`, the
most specific first: that is how `batchsubmit.condorce.environ` and `batchsubmit.condorbase.environ` both
work, the child's own key winning. A key that ends in `.*` collects every key below it in a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from autopyfactory.config.problem import Problem
from autopyfactory.config.section import Section, Value

Scope = Literal["queue", "factory", "monitor", "auth"]


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(p for p in (part.strip() for part in value.split(",")) if p)


NameList = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A comma separated list; blanks around items and empty items are dropped."""


class Options(BaseModel):
    """Base of all option declarations; instances are immutable and hashable by value."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    prefixes: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """How one option is declared; what documentation and checks are made from."""

    field: str
    keys: tuple[str, ...]  # as users may write it, preferred first; `x.*` collects all keys below x
    legacy: tuple[str, ...]  # names of 2.4 that still work
    description: str
    unit: str
    scope: Scope
    secret: bool
    required: bool
    default: Any
    annotation: Any

    @property
    def family(self) -> bool:
        """Whether this option collects every key below its name."""
        return self.keys[0].endswith(".*")


def option(
    default: Any = ...,
    *,
    key: str,
    description: str,
    unit: str = "",
    scope: Scope = "queue",
    legacy: tuple[str, ...] = (),
    secret: bool = False,
    default_factory: Any = None,
    **constraints: Any,
) -> Any:
    """Declare one option as the value of a field of an `Options` class.

    `default` left out makes it required. `scope` says where it is read: in the queue's section or in
    `[Factory]`. `constraints` are pydantic's (ge, le, pattern, ...). `secret` values are never shown.
    """
    extra: dict[str, Any] = {
        "key": key,
        "unit": unit,
        "scope": scope,
        "legacy": list(legacy),
        "secret": secret,
    }
    if default_factory is not None:
        return Field(
            default_factory=default_factory, description=description, json_schema_extra=extra, **constraints
        )
    return Field(default, description=description, json_schema_extra=extra, **constraints)


def _spec(cls: type[Options], name: str, info: FieldInfo) -> OptionSpec:
    extra: dict[str, Any] = info.json_schema_extra  # type: ignore[assignment]
    key = extra["key"]
    keys = tuple(key.replace("{prefix}", p) for p in cls.prefixes) if "{prefix}" in key else (key,)
    legacy = tuple(
        k
        for name_ in extra["legacy"]
        for k in ((name_.replace("{prefix}", p) for p in cls.prefixes) if "{prefix}" in name_ else (name_,))
    )
    return OptionSpec(
        field=name,
        keys=keys,
        legacy=legacy,
        description=info.description or "",
        unit=extra["unit"],
        scope=extra["scope"],
        secret=extra["secret"],
        required=info.is_required(),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        annotation=info.annotation,
    )


def specs(cls: type[Options]) -> Iterator[OptionSpec]:
    """Yield the declaration of each option of `cls`, in order."""
    for name, info in cls.model_fields.items():
        yield _spec(cls, name, info)


def _family(spec: OptionSpec, section: Section) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key in reversed(spec.keys + spec.legacy):  # so that the most specific prefix wins
        stem = key[:-1]
        found.update({k[len(stem) :]: v for k, v in section.values.items() if k.startswith(stem)})
    return found


def find(spec: OptionSpec, section: Section) -> tuple[str, Value] | None:
    """Return the key (as written) and value that set this option in `section`; None if nothing does."""
    for key in spec.keys + spec.legacy:
        value = section.values.get(key)
        if value is not None:
            return key, value
    return None


Bound = TypeVar("Bound", bound=Options)


def bind(
    cls: type[Bound], section: Section, factory: Section | None = None
) -> tuple[Bound | None, list[Problem]]:
    """Read an `Options` instance from `section` (and factory-wide options from `factory`).

    Returns the instance and no problems, or None and every problem found: each names section, key, place
    and value. The word `None` means "not set" for every type.
    """
    given: dict[str, Any] = {}
    origin: dict[str, tuple[Section, str, Value]] = {}
    for spec in specs(cls):
        home = factory if spec.scope == "factory" else section
        if home is None:
            continue
        if spec.family:
            given[spec.field] = {k: v.text for k, v in _family(spec, home).items()}
            continue
        hit = find(spec, home)
        if hit is not None and hit[1].text not in ("None", "none"):
            given[spec.field] = hit[1].text
            origin[spec.field] = (home, *hit)
    try:
        return cls(**given), []
    except ValidationError as err:
        return None, [_problem(cls, e, origin, section, factory) for e in err.errors()]


def _problem(
    cls: type[Options],
    error: Mapping[str, Any],
    origin: Mapping[str, tuple[Section, str, Value]],
    section: Section,
    factory: Section | None,
) -> Problem:
    name = str(error["loc"][0]) if error["loc"] else ""
    if name in origin:
        home, key, value = origin[name]
        return Problem("error", error["msg"], value.where, home.name, key, value.text)
    if name in cls.model_fields:
        spec = _spec(cls, name, cls.model_fields[name])
        home_ = factory if spec.scope == "factory" and factory is not None else section
        return Problem(
            "error", "required, but not set", home_.where, home_.name, spec.keys[0], hint=spec.description
        )
    return Problem("error", error["msg"], section.where, section.name)
