"""The name of this machine, asked for once: a name server that hangs must not delay cycles."""

from __future__ import annotations

import socket
import threading
from functools import cache

LIMIT = 5.0  # seconds; the resolver itself knows no limit

_one = threading.Lock()  # who asks beside another waits for the same answer


@cache
def _asked() -> str:
    answer: list[str] = []
    thread = threading.Thread(target=lambda: answer.append(socket.getfqdn()), name="host name", daemon=True)
    thread.start()
    thread.join(LIMIT)
    return answer[0] if answer else socket.gethostname()


def host_name() -> str:
    """Return the full name of this machine; the short one when the name service does not answer in time.

    The first call takes up to `LIMIT` s, and belongs into a constructor, not into a cycle.
    """
    with _one:
        return _asked()
