"""Socket files: made without a moment of wider access, and reached whatever the length of their path."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path


def connect(path: Path, timeout: float) -> socket.socket:
    """Return a connection to the socket file `path`. Raises OSError.

    The folder is reached through a descriptor: the path of a socket may only have about 100 bytes.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.settimeout(timeout)
            connection.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except OSError:
        connection.close()
        raise
    return connection


def listen(path: Path, group: int | None) -> socket.socket:
    """Return a listening socket at `path`, for our user only or also for the members of `group`.

    It comes to life in a private folder and moves to its place with its final mode; what was in that place
    (a dead factory's socket) is replaced. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nursery = Path(tempfile.mkdtemp(prefix=".control-", dir=path.parent))
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(nursery, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            server.bind(f"/proc/self/fd/{folder}/s")
        finally:
            os.close(folder)
        born = nursery / "s"
        if group is not None:
            os.chown(born, -1, group)
        os.chmod(born, 0o600 if group is None else 0o660)
        server.listen(16)
        os.rename(born, path)
    except OSError:
        server.close()
        raise
    finally:
        shutil.rmtree(nursery, ignore_errors=True)
    return server


def answers(path: Path) -> bool:
    """Say whether some process listens at `path`."""
    try:
        connect(path, 1.0).close()
    except (TimeoutError, BlockingIOError):  # its backlog is full: it lives, and is slow
        return True
    except OSError:
        return False
    return True
