"""`condor_attributes`: extra submit commands as users write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

_COMMA = re.compile(r"(\\*),")


def split_attributes(text: str) -> dict[str, str]:
    r"""Return the commands of a comma separated list of `KEY = VALUE`, blanks around both dropped.

    A comma after an odd number of backslashes is part of the value; each pair of backslashes before a comma
    stands for one; backslashes elsewhere are left alone. Raises ValueError for an item without `=`.

    >>> split_attributes(r'a = x\,y,b=2')
    {'a': 'x,y', 'b': '2'}
    """
    items, begin, piece = [], 0, ""
    for hit in _COMMA.finditer(text):
        slashes = len(hit.group(1))
        piece += text[begin : hit.start()] + "\\" * (slashes // 2)
        begin = hit.end()
        if slashes % 2:
            piece += ","
        else:
            items.append(piece)
            piece = ""
    items.append(piece + text[begin:])
    found: dict[str, str] = {}
    for item in items:
        if not item.strip():
            continue
        key, equals, value = item.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"not KEY = VALUE: {item.strip()!r} (a comma inside a value is written \\,)")
        found[key.strip()] = value.strip()
    return found


def canonical(key: str) -> str:
    """Return one spelling for all names of a submit command: HTCondor ignores case, and `+X` is `My.X`."""
    lowered = key.lower()
    return "+" + lowered[3:] if lowered.startswith("my.") else lowered


def overridden(commands: Mapping[str, str], *users: Mapping[str, str]) -> dict[str, str]:
    """Return `commands` with those of `users` over them: the later one wins, however it is spelled."""
    merged = dict(commands)
    spelling = {canonical(k): k for k in merged}
    for extra in users:
        for key, value in extra.items():
            merged.pop(spelling.get(canonical(key), ""), None)
            merged[key] = value
            spelling[canonical(key)] = key
    return merged
