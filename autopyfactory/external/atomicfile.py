"""Files that are replaced as a whole: a reader, or a power cut, finds the old one or the new one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

OWNER = 0o600  # may hold secrets


def replace(path: Path, data: bytes, *, mode: int) -> None:
    """Replace `path` with `data`; the file gets the permissions `mode`, whatever the umask.

    On return the new content is on the disk, and its name too. Raises OSError; unless it was the last act,
    writing the folder, that failed, the old file is untouched.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            if os.geteuid() == 0:  # its user goes on reading what root writes anew
                with contextlib.suppress(FileNotFoundError):
                    before = os.stat(path, follow_symlinks=False)
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
