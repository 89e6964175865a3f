"""Single keys from a terminal, without Enter; where there is no terminal there are none."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager


class Keys:
    """Reads the keys that somebody presses."""

    def __init__(self, descriptor: int | None):
        """Read from the terminal open as `descriptor`; None: there is nobody."""
        self._descriptor = descriptor

    def wait(self, seconds: float) -> str | None:
        """Return the next key within `seconds`; None when none comes, or the terminal is gone."""
        if self._descriptor is None:
            time.sleep(seconds)
            return None
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        if not ready:
            return None
        pressed = os.read(self._descriptor, 64)
        if not pressed:
            self._descriptor = None
        return pressed.decode("utf-8", "ignore") or None


@contextmanager
def keys() -> Iterator[Keys]:
    """Take keys one by one from standard input, as long as it is a terminal; give it back as it was."""
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):  # a pipe, a file, or closed
        yield Keys(None)
        return
    tty.setcbreak(descriptor)
    try:
        yield Keys(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
