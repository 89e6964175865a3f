"""Who sends to a place from this host: one factory of each name. The kernel keeps the claims, and ends them.

Two factories with one factoryId that start at the same moment see nothing of each other in the schedd yet,
and both would send all that is wanted. On one host the second is told by this: a claim is a Unix socket with
an abstract name, bound by whoever came first, and gone when that process is, however it ended. Any user of
the host can take such a name first; then a lock in the home of our user does the same. Between hosts the
marks in the pilots' ads tell, some polls later.
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

from autopyfactory.accounting.lockfiles import LockFiles

log = logging.getLogger("autopyfactory.book")

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid; unix(7)
_WAITING = 64  # questions that wait to be taken off; each is answered by the kernel when it arrives


class Claims:
    """The claims of one factory, called `name`, of this user."""

    def __init__(self, name: str):
        self._name = name
        self._held: dict[str, socket.socket] = {}
        self._holders: dict[str, int] = {}  # of the claims that others of our user have: their processes
        self._files = LockFiles()
        self._warned: set[str] = set()  # of places whose names somebody else has
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
            holder = _holder(self._address(identity), self._holders.pop(identity, None))
            if isinstance(holder, str):
                return self._by_file(identity, holder)
            if holder is None:
                return ""
            self._holders[identity] = holder
            return f"process {holder}"
        if rival := self._by_file(identity):  # it came while somebody else had the name
            one.close()
            return rival
        one.setblocking(False)
        self._held[identity] = one
        self._warned.discard(identity)
        return ""

    def _by_file(self, identity: str, taken: str = "") -> str:
        """Return who has the lock for this place, or nothing; take it if the name is `taken`, in words."""
        error = ""
        try:
            rival = self._files.take(self._key(identity), make=bool(taken))
        except OSError as err:
            rival, error = "", str(err)
        if taken and identity not in self._warned:
            self._warned.add(identity)
            instead = "a lock in our user's home is used instead"
            if error:
                instead = f"nothing keeps a second factory of this host from sending there ({error})"
            log.warning("%s: %s", taken, instead)
        return rival

    def close(self) -> None:
        """Give all claims up, for good."""
        with self._lock:
            self._closed = True
            while self._held:
                self._held.popitem()[1].close()
            self._files.close()

    def _address(self, identity: str) -> bytes:
        return b"\0autopyfactory/" + self._key(identity).encode()

    def _key(self, identity: str) -> str:
        return hashlib.sha256(f"{os.geteuid()}\n{self._name}\n{identity}".encode()).hexdigest()


def _clear(held: socket.socket) -> None:
    """Take off who has asked, so that the next one is not turned away."""
    with contextlib.suppress(OSError):
        for _ in range(2 * _WAITING):
            held.accept()[0].close()


def _holder(address: bytes, before: int | None) -> int | str | None:
    """Return whose process the claim is, in words when it is not of our user; None when it is gone again.

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
            return "somebody holds a name that is ours and does not say who it is"
        except OSError:
            return None
        pid, uid, _ = _CREDENTIALS.unpack(
            asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
    if uid != os.geteuid():
        return f"user {uid}, process {pid}, holds a name that is ours"
    return int(pid)


def _lives(pid: int) -> bool:
    """Whether a process of ours has this number."""
    try:
        os.kill(pid, 0)
    except OSError:  # there is none, or it is somebody else's by now
        return False
    return True
