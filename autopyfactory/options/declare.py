"""Options, declared once: validation, `check`, `config dump`, the reference and the man page come from here.

A plugin declares a subclass of `Options` whose fields are made with `option(...)`. The key of a field is
the name that users write in the file. `{prefix}` in a key stands for any of the class's `prefixes`, the
most specific first: that is how `batchsubmit.condorce.environ` and `batchsubmit.condorbase.environ` both
work, the child's own key winning. Other names in braces stand for what the class's `key_names` say, so that
one declaration serves plugins whose keys begin differently. A key that ends in `.*` collects every key below
it in a dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from autopyfactory.model import hostport
from autopyfactory.options.remote import harmless
from autopyfactory.options.section import Section, Value

Scope = Literal["queue", "factory", "monitor", "auth"]


Applies = Literal["reload", "start", "never"]
"""When a running factory takes up a change of an option of `[Factory]`: with a reload; when it starts next;
never: a reload with it is refused."""

LONGEST = {"s": 366 * 86400, "days": 36600}  # by unit: what no option has to exceed


def _split(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return tuple(p for p in (part.strip() for part in value.split(",")) if p)


NameList = Annotated[tuple[str, ...], BeforeValidator(_split)]
"""A comma separated list; blanks around items and empty items are dropped."""

HostAndPort = Annotated[str, AfterValidator(hostport.checked)]
"""One host or host:port; anything else is refused with the reason."""


FAR = 1e10  # numbers up to here, which people wrote to mean "never", are taken as the longest time there is


@dataclass(frozen=True, slots=True)
class Lenient:
    """Numbers that 2.4 took, and that mean nothing here: those up to `upto` are taken as `means`.

    Times longer than there are (up to `FAR`) are taken as the longest. None: only that.
    """

    upto: float | None = None
    means: float = 0.0

    def taken(self, number: float, longest: float | None) -> float | None:
        """Return what `number` is taken as; None: as what it is."""
        if self.upto is not None and number <= self.upto:
            return self.means
        return longest if longest is not None and longest < number <= FAR else None


class Options(BaseModel):
    """Base of all option declarations; instances are immutable and hashable by value."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    prefixes: ClassVar[tuple[str, ...]] = ()
    key_names: ClassVar[Mapping[str, str]] = {}  # what other names in braces in a key stand for

    @field_validator("*", mode="before")
    @classmethod
    def _as_24_took_it(cls, value: Any, info: ValidationInfo) -> Any:
        extra = cls.model_fields[info.field_name or ""].json_schema_extra
        lenient = extra.get("lenient") if isinstance(extra, dict) else None
        if not isinstance(lenient, Lenient) or isinstance(value, bool):
            return value
        try:
            number = float(value)
        except (TypeError, ValueError):
            return value
        assert isinstance(extra, dict)
        taken = lenient.taken(number, LONGEST.get(str(extra["unit"])))
        if taken is None:
            return value
        return int(taken) if taken == int(taken) else taken


@dataclass(frozen=True, slots=True)
class OptionSpec:
    """How one option is declared; what documentation and checks are made from."""

    field: str
    keys: tuple[str, ...]  # as users may write it, preferred first; `x.*` collects all keys below x
    legacy: tuple[str, ...]  # names of 2.4 that still work
    description: str
    unit: str
    scope: Scope
    secret: bool | None  # None: as the key's name and the value's look say
    required: bool
    default: Any
    annotation: Any
    constraints: tuple[Any, ...] = ()  # pydantic's: Ge, Le, ...
    question: bool | str = True  # see `option`
    remote: bool = False  # whether a configuration from a URL may set it
    lenient: Lenient | None = None  # which numbers of 2.4 are taken as others
    applies: Applies = "reload"
    path: bool = False  # a file or folder here: a relative name is meant from where it is written
    files: tuple[str, ...] = ()  # of keys that it collects: those that name files, see `option`

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
    secret: bool | None = None,
    path: bool = False,
    files: tuple[str, ...] = (),
    question: bool | str = True,
    default_factory: Any = None,
    remote: bool | None = None,
    lenient: Lenient | None = None,
    applies: Applies = "reload",
    **constraints: Any,
) -> Any:
    """Declare one option as the value of a field of an `Options` class.

    `default` left out makes it required. `scope` says where it is read: in the queue's section or in
    `[Factory]`. `constraints` are pydantic's (ge, le, pattern, ...). `secret` values are never shown;
    with False they are, though the key is called like a secret: it names a file. `files` says the same of
    some of the keys that an option collects, by what comes after its name. Left out, a key's name and the
    value's look decide.
    `path`: it names a file or folder of this host. A relative name in a queue is meant from the folder of the
    file that says it, and the plugin gets the whole path.
    `remote` says whether a configuration from a URL may set it; left out, numbers, truth values and listed
    words may be set, and texts may not (see `remote`).
    `lenient` is for keys that 2.4 had: its numbers are no errors, see `Lenient`.
    `applies`, of options of `[Factory]`: when a running factory takes up a change. What is read once, when it
    starts, must say so: a reload names what waits for a restart by it.
    Times in s or days have an upper limit even if none is given, since clocks and waits have one.

    `question` is for options of sources: whether queues that differ in this option ask something different,
    and so never share an answer. True, unless said otherwise. False: each queue applies it to the shared
    answer. The name of an attribute of the plugin: its value is asked for, and this option is only one
    part or one spelling of it.
    """
    if applies != "reload" and scope != "factory":
        raise TypeError(f"{key}: a reload makes queues, monitors and profiles anew that changed")
    if unit in LONGEST and not constraints.keys() & {"le", "lt"}:
        constraints["le"] = LONGEST[unit]
    extra: dict[str, Any] = {
        "key": key,
        "unit": unit,
        "scope": scope,
        "legacy": list(legacy),
        "secret": secret,
        "path": path,
        "files": files,
        "question": question,
        "remote": remote,
        "lenient": lenient,
        "applies": applies,
    }
    if default_factory is not None:
        return Field(
            default_factory=default_factory, description=description, json_schema_extra=extra, **constraints
        )
    return Field(default, description=description, json_schema_extra=extra, **constraints)


def _spec(cls: type[Options], name: str, info: FieldInfo) -> OptionSpec:
    extra: dict[str, Any] = info.json_schema_extra  # type: ignore[assignment]
    return OptionSpec(
        field=name,
        keys=tuple(_with_prefixes(cls, extra["key"])),
        legacy=tuple(k for key in extra["legacy"] for k in _with_prefixes(cls, key)),
        description=info.description or "",
        unit=extra["unit"],
        scope=extra["scope"],
        secret=extra["secret"],
        path=extra["path"],
        files=extra["files"],
        required=info.is_required(),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        annotation=info.annotation,
        constraints=tuple(info.metadata),
        lenient=extra["lenient"],
        applies=extra["applies"],
        question=extra["question"],
        remote=harmless(info.annotation) if extra["remote"] is None else extra["remote"],
    )


def _with_prefixes(cls: type[Options], key: str) -> Iterator[str]:
    for name, text in cls.key_names.items():
        key = key.replace(f"{{{name}}}", text)
    if "{prefix}" in key:
        yield from (key.replace("{prefix}", p) for p in cls.prefixes)
    else:
        yield key


@cache
def _specs(cls: type[Options]) -> tuple[OptionSpec, ...]:
    return tuple(_spec(cls, name, info) for name, info in cls.model_fields.items())


def specs(cls: type[Options]) -> Iterator[OptionSpec]:
    """Yield the declaration of each option of `cls`, in order."""
    return iter(_specs(cls))


def family(spec: OptionSpec, section: Section) -> dict[str, str]:
    """Return what an option that collects keys finds: short name -> key as written."""
    found: dict[str, str] = {}
    for pattern in reversed(spec.keys + spec.legacy):  # so that the most specific prefix wins
        stem = pattern[:-1]
        for key in section.values:
            if key.startswith(stem) and len(key) > len(stem):
                found[key[len(stem) :]] = key
    return found


def find(spec: OptionSpec, section: Section) -> tuple[str, Value] | None:
    """Return the key (as written) and value that set this option in `section`; None if nothing does."""
    for key in spec.keys + spec.legacy:
        value = section.values.get(key)
        if value is not None:
            return key, value
    return None


def homes(spec: OptionSpec, section: Section, factory: Section | None) -> Section | None:
    """Return the section in which `spec` is to be looked up."""
    return factory if spec.scope == "factory" else section
