"""What a configuration from a URL may say: what is declared safe for remote sources, and nothing else.

An option is safe when it cannot name a program, a file, a folder or a credential, nor add submit commands.
Numbers, truth values and choices among listed words are safe by their kind; a text is when its declaration
says `remote=True`. A text of ours that refers to a remote value (`%(wmsqueue)s` in `executable.arguments`)
takes it only as a plain name: it can add neither a word nor a folder.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from autopyfactory.options.interpolate import Values
from autopyfactory.options.section import Section

HINT = (
    "set it on this host, for instance in the [DEFAULT] of queueConf.defaultsfile; "
    "queueConf.trust = full takes everything from URLs"
)
_PLAIN_NAME = re.compile(r"(?!\.\.?\Z)[A-Za-z0-9_.+-]*\Z")
_REFERENCE = re.compile(r"%\(([^()]+)\)s")


def harmless(annotation: Any) -> bool:
    """Whether a value of this type cannot name anything: a number, a truth value, one of listed words."""
    if annotation in (bool, int, float, type(None)):
        return True
    origin = get_origin(annotation)
    if origin is Literal:
        return True
    if origin is Annotated:
        return harmless(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return all(harmless(a) for a in get_args(annotation))
    return False


def references(section: Section, key: str) -> Iterator[tuple[str, str]]:
    """Yield (key, text) of each remote value that the text of `key` refers to without being a plain name."""
    values = section.values
    if not isinstance(values, Values):
        return
    todo, seen = [key], {key}
    while todo:
        for name in _REFERENCE.findall(values.raw(todo.pop()).text):
            if name in seen or name not in values:
                continue
            seen.add(name)
            todo.append(name)
            if values.raw(name).where.remote and not _PLAIN_NAME.match(values[name].text):
                yield name, values[name].text
