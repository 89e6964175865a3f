"""Composed wrappers on disk: written before a pilot is sent with one, kept while pilots refer to it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from autopyfactory.external import atomicfile
from autopyfactory.wrapper.compose import Built

PATTERN = "apf-wrapper-*.sh"
PROGRAM = 0o755


def keep(folder: Path, built: Built) -> Path:
    """Make sure that the wrapper lies in `folder`, whole and used now; return its path. Raises OSError."""
    path = folder / built.name
    try:
        if path.read_bytes() == built.data:
            os.utime(path)
            return path
    except FileNotFoundError:
        pass
    folder.mkdir(parents=True, exist_ok=True)
    atomicfile.replace(path, built.data, mode=PROGRAM)
    return path


def unused(folder: Path, seconds: float) -> Iterator[Path]:
    """Yield wrappers with which no pilot was sent in the last `seconds`; pilots that were may still wait."""
    before = time.time() - seconds
    for path in folder.glob(PATTERN):
        with contextlib.suppress(FileNotFoundError):  # another queue has removed it
            if path.stat().st_mtime < before:
                yield path


def digest_of(path: Path) -> str:
    """Return the beginning of the digest that the name of a wrapper holds."""
    return path.name.removeprefix("apf-wrapper-").removesuffix(".sh")
