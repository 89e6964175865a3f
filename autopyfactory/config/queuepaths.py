"""Files that a queue names by a relative path: meant from the folder of the file that names them.

A factory may be started anywhere, and `check` is: what a path means must not depend on that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from autopyfactory.config import fetch
from autopyfactory.config.factory import folder_of
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import Options, find, homes, specs
from autopyfactory.options.section import Section

_MODULES = ("wrapper_payloads", "wrapper_checks")  # names, and paths where there is a slash
_LISTS = (*_MODULES, "wrapper_files")


def resolved(options: QueueOptions, section: Section) -> QueueOptions:
    """Return `options` of the queue in `section` with absolute paths; the same object if they are so already.

    Of an executable only where there is such a file: it may as well be one of the worker node's.
    """
    update: dict[str, Any] = {}
    for spec in specs(QueueOptions):
        if spec.field not in (*_LISTS, "executable"):
            continue
        hit, current = find(spec, section), getattr(options, spec.field)
        if hit is None or not current or hit[1].where.remote:
            continue
        folder = Path(hit[1].where.source).parent
        if spec.field == "executable":
            found = fetch.resolve(current, folder)
            update |= {spec.field: found} if found != current and os.path.isfile(found) else {}
        else:
            plain = spec.field in _MODULES
            parts = tuple(_part(text, folder, names=plain) for text in current)
            update |= {spec.field: parts} if parts != current else {}
    return options.model_copy(update=update) if update else options


def of_plugin(options: Options, section: Section, factory: Section) -> dict[str, str]:
    """Return the options of a queue's plugin that name a file here by a relative path, with whole paths.

    One that is only known when it is used (`$ENV(X)/file`), and what a URL says, is left as it is.
    """
    update: dict[str, str] = {}
    for spec in specs(type(options)):
        current = getattr(options, spec.field) if spec.path else None
        if not isinstance(current, str) or not current or os.path.isabs(current) or "$" in current:
            continue
        hit = find(spec, homes(spec, section, factory) or section)
        if hit is not None and not hit[1].where.remote:
            update[spec.field] = fetch.resolve(current, folder_of(hit[1].where))
    return update


def _part(text: str, folder: Path, *, names: bool) -> str:
    """Return a file, or `NAME=FILE`, with its path from `folder`; what is a name stays one."""
    name, equals, source = text.partition("=") if names and "=" in text else ("", "", text)
    if (names and "/" not in source) or os.path.isabs(source.strip()):
        return text
    return f"{name}{equals}{fetch.resolve(source.strip(), folder)}"
