"""Dataclasses to plain data and back: for the history, the control socket and `--json`.

Fields that hold their default are left out, and fields that the reader does not know are ignored: records
written by an older or a newer release can be read. Ours, since pydantic's TypeAdapter, faster as it is,
refuses a word that a newer release has added, keeps all digits, and makes each command wait for its schema.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar, cast

T = TypeVar("T")

_AS_THEY_ARE = frozenset((type(None), bool, int, str))


def to_full(value: Any) -> Any:
    """Like `to_plain`, with every field: for readers that do not know our defaults."""
    return to_plain(value, full=True)


def to_plain(value: Any, *, full: bool = False) -> Any:
    """Return `value` as what JSON can hold; datetimes as ISO 8601, fractions rounded to 1/1000.

    Raises TypeError for what has no plain form.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is float:
        return round(value, 3)
    defaults = _defaults(cast(Hashable, kind))
    if defaults is not None:
        return {
            name: given if type(given) in _AS_THEY_ARE else to_plain(given, full=full)
            for name, default in defaults.items()
            if (given := getattr(value, name)) != default or full
        }
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, Mapping):
        return {
            str(k): v if type(v) in _AS_THEY_ARE else to_plain(v, full=full) for k, v in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(v, full=full) for v in value]
    if isinstance(value, int | str):  # of a kind of its own, like an enumeration
        return value
    raise TypeError(f"{kind.__name__} has no plain form")


def from_plain(cls: type[T], data: Any) -> T:
    """Return the `cls` (a dataclass) that `data` describes.

    Raises ValueError when a field is missing or of a shape that cannot be read.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{cls.__name__}: expected an object, not {type(data).__name__}")
    hints = _hints(cast(Hashable, cls))
    try:
        return cls(**{name: _read(hints[name], value) for name, value in data.items() if name in hints})
    except TypeError as err:
        raise ValueError(f"{cls.__name__}: {err}") from err


@cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


@cache
def _defaults(cls: Any) -> dict[str, Any] | None:
    """Return the fields of a dataclass with their defaults; None for what is none."""
    if not dataclasses.is_dataclass(cls):
        return None
    found: dict[str, Any] = {}
    for f in dataclasses.fields(cls):
        if f.default_factory is not dataclasses.MISSING:
            found[f.name] = f.default_factory()
        else:
            found[f.name] = f.default  # MISSING equals nothing: a required field is always written
    return found


def _read(hint: Any, value: Any) -> Any:
    if value is None or hint is Any:
        return value
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        kinds = [a for a in arguments if a is not type(None)]
        return _read(kinds[0], value) if len(kinds) == 1 else value  # of plain kinds: as it is
    if origin is tuple:
        return tuple(_read(arguments[0], v) for v in value)
    if origin is list:
        return [_read(arguments[0], v) for v in value]
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise TypeError(f"expected an object, not {type(value).__name__}")
        return {k: _read(arguments[1], v) for k, v in value.items()}
    if hint is datetime:
        when = datetime.fromisoformat(value)
        return when if when.tzinfo else when.replace(tzinfo=UTC)  # nothing of ours compares with a local time
    if hint is float:
        return float(value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value)
    return value
