"""Answers commands from the local socket, in threads of its own: a slow client stops nobody else."""

from __future__ import annotations

import contextlib
import grp
import logging
import os
import pwd
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autopyfactory.control.place import answers, listen
from autopyfactory.control.protocol import REQUEST_BYTES, Lines, ProtocolError, decode, encode

log = logging.getLogger("autopyfactory.control")

CLIENTS = 16  # at a time
IDLE = 30.0  # seconds within which a client sends a whole request, and takes a whole answer
MAKE_ROOM = 1.0  # seconds for the end of a client that only holds a place

Handler = Callable[[str, dict[str, Any]], Any]


class SocketError(Exception):
    """The socket cannot be made."""


class CommandError(Exception):
    """A command cannot be done; the text is for whoever gave it. Handlers raise it."""


class ControlServer:
    """Listens at a socket file, from `start` to `close`."""

    def __init__(self, path: Path, handler: Handler, *, group: str | None = None):
        self.path = path
        self._handler = handler
        self._group = group
        self._clients = threading.BoundedSemaphore(CLIENTS)
        self._waiting: dict[socket.socket, float] = {}  # clients that we wait for, since when (monotonic)
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._inode = 0

    def start(self) -> None:
        """Make the socket file and serve it. Raises SocketError."""
        try:
            group = None if self._group is None else grp.getgrnam(self._group).gr_gid
        except KeyError:
            raise SocketError(f"the control socket's group does not exist: {self._group}") from None
        if answers(self.path):
            raise SocketError(f"another factory answers at {self.path}")
        try:
            self._socket = listen(self.path, group)
            self._inode = os.stat(self.path).st_ino
        except OSError as err:
            raise SocketError(f"cannot make the control socket {self.path}: {err}") from err
        threading.Thread(target=self._accept, args=(self._socket,), name="control", daemon=True).start()

    def close(self) -> None:
        """Stop listening and remove the socket file, if it is still ours. Commands under way go on."""
        server, self._socket = self._socket, None
        if server is None:
            return
        try:
            if os.stat(self.path).st_ino == self._inode:
                os.unlink(self.path)
            server.shutdown(socket.SHUT_RDWR)  # wakes the accepting thread
        except OSError as err:
            log.debug("the control socket is gone already: %s", err)
        server.close()

    def _accept(self, server: socket.socket) -> None:
        while self._socket is server:
            try:
                connection, _ = server.accept()
            except OSError as err:
                if self._socket is not server:
                    return
                log.error("control socket: %s", err)
                threading.Event().wait(1.0)  # out of descriptors, most likely: it may pass
                continue
            if not self._place():
                _refuse(connection)
                continue
            threading.Thread(
                target=self._client, args=(connection,), name="control client", daemon=True
            ).start()

    def _place(self) -> bool:
        """Take a place for a client, if need be from the one that we have waited for longest."""
        if self._clients.acquire(blocking=False):
            return True
        with self._lock:
            if self._waiting:
                longest = min(self._waiting, key=self._waiting.__getitem__)
                del self._waiting[longest]
                with contextlib.suppress(OSError):  # gone by itself
                    longest.shutdown(socket.SHUT_RDWR)
        return self._clients.acquire(timeout=MAKE_ROOM)

    def _wait_for(self, connection: socket.socket) -> None:
        with self._lock:
            self._waiting[connection] = time.monotonic()

    def _no_longer(self, connection: socket.socket) -> None:
        with self._lock:
            self._waiting.pop(connection, None)

    def _client(self, connection: socket.socket) -> None:
        try:
            with connection:
                who = _peer(connection)
                lines = Lines(connection, REQUEST_BYTES)
                self._wait_for(connection)
                while (line := lines.next(IDLE)) is not None:
                    self._no_longer(connection)
                    answer = self._answer(line, who)
                    self._wait_for(connection)
                    connection.settimeout(IDLE)
                    connection.sendall(answer)
                    self._wait_for(connection)
        except ProtocolError as err:
            log.warning("control socket: %s", err)
        except OSError as err:  # TimeoutError too
            log.debug("control socket: a client went away: %s", err)
        finally:
            self._no_longer(connection)
            self._clients.release()

    def _answer(self, line: bytes, who: str) -> bytes:
        try:
            request = decode(line)
            command, arguments = request.get("command"), request.get("arguments", {})
            if not isinstance(command, str) or not isinstance(arguments, dict):
                raise ProtocolError("a request has a command (text) and arguments (object)")
            log.debug("command %s by %s", command, who)
            return encode({"ok": True, "result": self._handler(command, arguments)})
        except (CommandError, ProtocolError) as err:
            return encode({"ok": False, "error": str(err)})
        except Exception as err:  # whoever asked is told; the others go on being answered
            log.exception("command failed")
            return encode({"ok": False, "error": f"internal error: {type(err).__name__}: {err}"})


def _refuse(connection: socket.socket) -> None:
    with connection:
        connection.settimeout(0.1)
        try:
            words = f"busy: {CLIENTS} commands are under way"
            connection.sendall(encode({"ok": False, "error": words, "busy": True}))
        except OSError as err:
            log.debug("control socket: %s", err)


def _peer(connection: socket.socket) -> str:
    """Return the user at the other end."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    uid = struct.unpack("3i", raw)[1]
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
