"""JSON from systems we do not trust: what is not clearly right is refused, and said in words for people."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

Pairs = Callable[[list[tuple[str, Any]]], Any]
_PYTHON = ("{'", "[{'", "{}", "['")
# Each costs up to some 120 bytes of memory once it is a Python object, although it may be a byte of text.
MAX_ELEMENTS = 2_000_000
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JSONError(ValueError):
    """A text is not the JSON we can rely on; the message says what it looks like instead."""


def _refuse_constant(name: str) -> Any:
    raise JSONError(f"the number {name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise JSONError(f"the number {text:.20} is too large")
    return number


def _refuse_lone_surrogates(text: str) -> None:
    """Raise JSONError for half a character: such a text can be neither stored, nor shown, nor sent on."""
    if not _SURROGATE.search(text):
        return
    half = -1  # where the second half of a character has to begin
    for escape in _ESCAPE.finditer(text):
        code = int(escape[1], 16) if escape[1] else 0
        if half >= 0 and not (escape.start() == half and 0xDC00 <= code < 0xE000):
            break
        if half < 0 and 0xDC00 <= code < 0xE000:
            half = escape.start()
            break
        half = escape.end() if 0xD800 <= code < 0xDC00 else -1
    if half >= 0:
        raise JSONError(f"half a character (a lone surrogate) near character {half}")


def _refuse_too_many(text: str, limit: int) -> None:
    """Raise JSONError for more elements than `limit`, counted before any is made."""
    if len(text) > limit:  # each takes a character at least
        found = text.count(",") + text.count("{") + text.count("[")  # those in texts too: there are few
        if found > limit:
            raise JSONError(f"about {found} elements; the limit is {limit}")


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


def loads(data: bytes | str, pairs: Pairs | None = None, *, max_elements: int = MAX_ELEMENTS) -> Any:
    """Parse `data` (UTF-8), in time that grows as it does.

    Raises JSONError when it is not JSON, breaks off, holds NaN, Infinity or half a character, is nested too
    deeply, has more than `max_elements` elements, or when an object has the same key twice. `pairs`, if
    given, makes each object from its pairs instead, and then has to look at duplicates itself.
    """
    try:
        if isinstance(data, str):
            data.encode()
            text = data
        else:
            text = bytes(data).decode("utf-8-sig")
    except UnicodeError as err:
        raise JSONError(f"not UTF-8 text: {err!s:.100}") from None
    _refuse_too_many(text, max_elements)
    try:
        found = json.loads(
            text, object_pairs_hook=pairs or _unique, parse_constant=_refuse_constant, parse_float=_finite
        )
        _refuse_lone_surrogates(text)
        return found
    except JSONError:
        raise
    except json.JSONDecodeError as err:
        raise JSONError(_wrong(text, err)) from None
    except RecursionError:
        raise JSONError("JSON nested too deeply") from None
    except ValueError as err:  # for instance a number of more digits than Python converts
        raise JSONError(f"JSON that cannot be read: {err}") from None
