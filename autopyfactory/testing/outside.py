"""The outside world, shut for a while: what is to be pure must not need it."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn
from unittest.mock import patch


@contextmanager
def nothing_outside(what: str) -> Iterator[None]:
    """Raise AssertionError when `what` connects, starts a program, or leaves a thread behind."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError(f"{what} must not connect anywhere nor start programs")

    before = set(threading.enumerate())
    with (
        patch.object(socket.socket, "connect", refuse),
        patch.object(socket.socket, "connect_ex", refuse),
        patch.object(subprocess.Popen, "__init__", refuse),
    ):
        yield
    left = set(threading.enumerate()) - before
    assert not left, f"{what} must not start threads: {sorted(t.name for t in left)}"
