"""Notices when files of the factory's state are no longer those that it opened.

A file that was removed, replaced or hidden by another mount can still be written through the descriptor that
is open: everything seems well, and nothing of it will be there after a restart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Identity = tuple[int, int]  # device, inode


class Anchor:
    """The identity of files and folders at the time they were opened. Asking costs one `stat` each."""

    def __init__(self, paths: Iterable[Path]):
        """Remember what `paths` are now. Raises OSError when one is not there."""
        self._known = {path: _identity(path) for path in paths}

    def lost(self) -> str | None:
        """Return what is wrong with the first that is not what it was, in words; None: all is well."""
        for path, known in self._known.items():
            try:
                found = _identity(path)
            except OSError as err:
                return f"{path} is gone ({err.strerror or err}), what is sent would not be remembered"
            if found != known:
                return f"{path} is another one than when the factory started"
        return None


def _identity(path: Path) -> Identity:
    status = os.stat(path)
    return status.st_dev, status.st_ino
