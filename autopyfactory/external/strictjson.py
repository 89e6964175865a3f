"""JSON from systems we do not trust: what is not clearly right is refused, and said in words for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Pairs = Callable[[list[tuple[str, Any]]], Any]
_PYTHON = ("{'", "[{'", "{}", "['")


class JSONError(ValueError):
    """A text is not the JSON we can rely on; the message says what it looks like instead."""


def _refuse_constant(name: str) -> Any:
    raise JSONError(f"the number {name} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JSONError(f"the key {key!r:.80} occurs twice in one object")
            seen.add(key)
    return made


def what_it_looks_like(text: str) -> str:
    """Return in words what `text` seems to be, for the reader of an error."""
    start = text.lstrip()[:200]
    if not start:
        return "an empty answer"
    lower = start.lower()
    if lower.startswith(("<!doctype html", "<html")):
        return "an HTML page"
    if lower.startswith("<"):
        return "XML or HTML"
    if start.startswith(_PYTHON):
        return "the text form of a Python object (the server did not see `Accept: application/json`)"
    return "not JSON"


def _wrong(text: str, err: json.JSONDecodeError) -> str:
    start = " ".join(text[:80].split())
    if not text.lstrip().startswith(("{", "[")) or text.lstrip().startswith(_PYTHON):
        return f"{what_it_looks_like(text)}: {start!r}"
    if err.pos >= len(text.rstrip()) - 1 or err.msg.startswith("Unterminated string"):
        return f"JSON that breaks off after {len(text)} characters"
    return f"broken JSON ({err.msg} at character {err.pos} of {len(text)}): {start!r}"


def loads(data: bytes | str, pairs: Pairs | None = None) -> Any:
    """Parse `data` (UTF-8).

    Raises JSONError when it is not JSON, breaks off, holds NaN or Infinity, is nested too deeply, or when
    an object has the same key twice. `pairs`, if given, makes each object from its pairs instead, and then
    has to look at duplicates itself.
    """
    try:
        text = data if isinstance(data, str) else bytes(data).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise JSONError(f"not UTF-8 text: {err}") from None
    try:
        return json.loads(text, object_pairs_hook=pairs or _unique, parse_constant=_refuse_constant)
    except JSONError:
        raise
    except json.JSONDecodeError as err:
        raise JSONError(_wrong(text, err)) from None
    except RecursionError:
        raise JSONError("JSON nested too deeply") from None
    except ValueError as err:  # for instance a number of more digits than Python converts
        raise JSONError(f"JSON that cannot be read: {err}") from None
