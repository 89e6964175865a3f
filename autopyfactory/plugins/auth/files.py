"""What all kinds of credentials have in common about their files."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from autopyfactory.credentials.credential import CredentialError
from autopyfactory.credentials.pilotfiles import LARGEST
from autopyfactory.external import atomicfile


def home(text: str | None) -> str | None:
    """Return a path with ~ replaced."""
    return os.path.expanduser(text) if text else text


File = Annotated[str | None, AfterValidator(home)]
"""An option that names a file or folder."""


def read(path: str) -> bytes:
    """Return what is in a credential's file. Raises CredentialError: missing, unreadable, too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CredentialError(f"there is no file {path}") from None
    except OSError as err:
        raise CredentialError(f"{path} cannot be read: {err.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise CredentialError(f"{path} is no file")
        if status.st_size > LARGEST:
            raise CredentialError(f"{path} is too large for a credential")
        return file.read(LARGEST)


def private(path: str) -> None:
    """Refuse a file with a secret that others may read or change. Raises CredentialError."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return  # what keeps it from being read is told when it is
    if mode & 0o077:
        raise CredentialError(f"{path} may be read by others (mode {mode:04o}): chmod 600")


def write(path: str, data: bytes) -> None:
    """Put `data` in place as a whole, for its owner alone to read. Raises CredentialError."""
    place = Path(path)
    try:
        folder_of(place)
        atomicfile.replace(place, data, mode=atomicfile.OWNER)
    except OSError as err:
        raise CredentialError(f"{path} cannot be written: {err.strerror or err}") from None


def folder_of(place: Path) -> None:
    """Make the folder of `place`, for its owner alone, if it is not there. Raises OSError."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def beside(path: str) -> Iterator[Path]:
    """Give a private folder beside `path`, gone afterwards: a file made there can be renamed to `path`.

    Raises CredentialError when it cannot be made.
    """
    try:
        folder_of(Path(path))
        folder = tempfile.TemporaryDirectory(
            prefix=".new-", dir=Path(path).parent, ignore_cleanup_errors=True
        )
    except OSError as err:
        raise CredentialError(f"nothing can be made beside {path}: {err.strerror or err}") from None
    with folder as name:
        yield Path(name)
