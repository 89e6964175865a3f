"""Who sends to a place from this host: one factory of each name. The kernel keeps the claims, and ends them.

Two factories with one factoryId that start at the same moment see nothing of each other in the schedd yet,
and both would send all that is wanted. On one host the second is told by this: a claim is a Unix socket with
an abstract name, bound by whoever came first, and gone when that process is, however it ended. Between hosts
the marks in the pilots' ads tell, some polls later.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import struct
import sys
import threading

log = logging.getLogger("autopyfactory.book")

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid; unix(7)


class Claims:
    """The claims of one factory, called `name`, of this user."""

    def __init__(self, name: str):
        self._name = name
        self._held: dict[str, socket.socket] = {}
        self._holders: dict[str, str] = {}  # of the claims that others have
        self._closed = False
        self._lock = threading.Lock()

    def take(self, identity: str) -> str:
        """Claim the place with this identity, as often as you like; return who has it already, or nothing.

        Only a process of our own user counts: nobody else can keep our pilots back by taking the name first.
        """
        with self._lock:
            if self._closed or identity in self._held or not sys.platform.startswith("linux"):
                return ""
            return self._bind(identity)

    def _bind(self, identity: str) -> str:
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            one.bind(self._address(identity))
            one.listen(1)
        except OSError:
            one.close()
            self._holders[identity] = _holder(self._address(identity), self._holders.get(identity, ""))
            return self._holders[identity]
        self._held[identity] = one
        return ""

    def close(self) -> None:
        """Give all claims up, for good."""
        with self._lock:
            self._closed = True
            while self._held:
                self._held.popitem()[1].close()

    def _address(self, identity: str) -> bytes:
        text = f"{os.geteuid()}\n{self._name}\n{identity}"
        return b"\0autopyfactory/" + hashlib.sha256(text.encode()).hexdigest().encode()


def _holder(address: bytes, before: str) -> str:
    """Return whose the claim is, in words; nothing when it is not of our user, or gone again.

    `before` is what was found the last time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(address)
        except BlockingIOError:  # full of questions like this one: its holder is still the one that was asked
            return before or "another process"
        except OSError:
            return ""
        pid, uid, _ = _CREDENTIALS.unpack(
            asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
    if uid != os.geteuid():
        log.warning("user %d, process %d, holds a name that is ours: it is ignored", uid, pid)
        return ""
    return f"process {pid}"
