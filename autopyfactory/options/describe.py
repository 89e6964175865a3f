"""Options in plain words: what a value may be, for messages and for the reference."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen

from autopyfactory.options.declare import LONGEST, OptionSpec

_WORDS: Mapping[Any, str] = {
    int: "whole number",
    float: "number",
    bool: "True or False",
    str: "text",
}


def allowed(spec: OptionSpec) -> str:
    """Say what may be written: `whole number, at least 0, in s`."""
    inner, metadata = _unwrap(spec.annotation)
    limits = [c for c in spec.constraints if c != Le(LONGEST.get(spec.unit, -1))]
    lenient = spec.lenient if spec.lenient and spec.lenient.upto is not None else None
    if lenient:  # what these forbid is taken as something else
        limits = [c for c in limits if not isinstance(c, Ge | Gt)]
    words = [_type(inner), *_limits((*limits, *metadata), inner)]
    if lenient:
        words.append(f"{lenient.upto:g} or less: {lenient.means:g}")
    if spec.unit:
        words.append(f"in {spec.unit}")
    if not spec.required and spec.default is None:
        words.append("or None")
    return ", ".join(w for w in words if w)


def preferred_key(spec: OptionSpec, prefix: str) -> str:
    """Return the name of this option that people expect of a plugin whose keys begin with `prefix`."""
    return next((k for k in spec.keys if prefix and k.startswith(prefix + ".")), spec.keys[0])


def default_text(spec: OptionSpec) -> str:
    """Return the default as one would write it; empty when there is none to write."""
    if spec.required or spec.default is None or spec.family:
        return ""
    return as_text(spec.default)


def as_text(value: object) -> str:
    """Return a value as one would write it."""
    if isinstance(value, (tuple, list, set, frozenset)):
        return ", ".join(str(v) for v in value)
    return str(value)


def _unwrap(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """Take `Annotated` and `| None` off a type; return what is left and the metadata found."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        deeper, more = _unwrap(inner)
        return deeper, (*metadata, *more)
    if get_origin(annotation) in (Union, types.UnionType):
        members = [a for a in get_args(annotation) if a is not type(None)]
        if len(members) == 1:
            return _unwrap(members[0])
    return annotation, ()


def _type(annotation: Any) -> str:
    origin = get_origin(annotation)
    if annotation in _WORDS:
        return _WORDS[annotation]
    if origin is Literal:
        return "one of " + ", ".join(str(a) for a in get_args(annotation))
    if origin in (tuple, list, set, frozenset):
        return "comma separated list"
    if origin in (dict, Mapping) or annotation is dict:
        return "text"
    if origin in (Union, types.UnionType):
        return " or ".join(_type(a) for a in get_args(annotation) if a is not type(None))
    return getattr(annotation, "__name__", str(annotation)).lower()


def _limits(constraints: tuple[Any, ...], inner: Any) -> list[str]:
    words: list[str] = []
    for c in constraints:
        if isinstance(c, Ge):
            words.append(f"at least {c.ge}")
        elif isinstance(c, Gt):
            words.append(f"more than {c.gt}")
        elif isinstance(c, Le):
            words.append(f"at most {c.le}")
        elif isinstance(c, Lt):
            words.append(f"less than {c.lt}")
        elif isinstance(c, MinLen) and c.min_length == 1:
            words.append("not empty")
        elif isinstance(c, MaxLen):
            words.append(f"at most {c.max_length} characters" if inner is str else f"at most {c.max_length}")
        elif getattr(c, "pattern", None):
            words.append(f"matching {c.pattern}")
    return words
