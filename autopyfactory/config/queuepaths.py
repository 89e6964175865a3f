"""Files that a queue names by a relative path: meant from the folder of the file that names them.

A factory may be started anywhere, and `check` is: what a path means must not depend on that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from autopyfactory.config import fetch
from autopyfactory.options.common import QueueOptions
from autopyfactory.options.declare import find, specs
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


def _part(text: str, folder: Path, *, names: bool) -> str:
    """Return a file, or `NAME=FILE`, with its path from `folder`; what is a name stays one."""
    name, equals, source = text.partition("=") if names and "=" in text else ("", "", text)
    if (names and "/" not in source) or os.path.isabs(source.strip()):
        return text
    return f"{name}{equals}{fetch.resolve(source.strip(), folder)}"
