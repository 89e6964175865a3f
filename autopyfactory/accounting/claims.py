"""Who sends to a place from this host: one factory of each name. The kernel keeps the claims, and ends them.

Two factories with one factoryId that start at the same moment see nothing of each other in the schedd yet,
and both would send all that is wanted. On one host the second is told by this: a claim is a Unix socket with
an abstract name, bound by whoever came first, and gone when that process is, however it ended. Between hosts
the marks in the pilots' ads tell, some polls later.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import socket
import struct
import sys
import threading

log = logging.getLogger("autopyfactory.book")

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid; unix(7)
_WAITING = 64  # questions that wait to be taken off; each is answered by the kernel when it arrives


class Claims:
    """The claims of one factory, called `name`, of this user."""

    def __init__(self, name: str):
        self._name = name
        self._held: dict[str, socket.socket] = {}
        self._holders: dict[str, int] = {}  # of the claims that others of our user have: their processes
        self._closed = False
        self._lock = threading.Lock()

    def take(self, identity: str) -> str:
        """Claim the place with this identity, as often as you like; return who has it already, or nothing.

        Only a process of our own user counts: nobody else can keep our pilots back by taking the name first.
        """
        with self._lock:
            if self._closed or not sys.platform.startswith("linux"):
                return ""
            if (held := self._held.get(identity)) is not None:
                _clear(held)
                return ""
            return self._bind(identity)

    def _bind(self, identity: str) -> str:
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            one.bind(self._address(identity))
            one.listen(_WAITING)
        except OSError:
            one.close()
            pid = _holder(self._address(identity), self._holders.pop(identity, None))
            if pid is None:
                return ""
            self._holders[identity] = pid
            return f"process {pid}"
        one.setblocking(False)
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


def _clear(held: socket.socket) -> None:
    """Take off who has asked, so that the next one is not turned away."""
    with contextlib.suppress(OSError):
        for _ in range(2 * _WAITING):
            held.accept()[0].close()


def _holder(address: bytes, before: int | None) -> int | None:
    """Return whose process the claim is; None when it is not of our user, or gone again.

    `before` is who was found the last time. A holder that cannot be asked, since too many others do, is he
    while he lives; of one who never answered it is not known that he is of our user, and any user can have a
    socket of this name that nobody gets through to.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(address)
        except BlockingIOError:
            if before is not None and _lives(before):
                return before
            log.warning("somebody holds a name that is ours and does not say who it is: it is ignored")
            return None
        except OSError:
            return None
        pid, uid, _ = _CREDENTIALS.unpack(
            asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
    if uid != os.geteuid():
        log.warning("user %d, process %d, holds a name that is ours: it is ignored", uid, pid)
        return None
    return int(pid)


def _lives(pid: int) -> bool:
    """Whether a process of ours has this number."""
    try:
        os.kill(pid, 0)
    except OSError:  # there is none, or it is somebody else's by now
        return False
    return True
