"""Listens for browsers and scrapers: slow ones and idle ones cost a connection, and that for a while only."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from autopyfactory.api.access import Access
from autopyfactory.daemon.webchild import WebOptions, WebPart, address_file
from autopyfactory.external import atomicfile
from autopyfactory.options.problem import ConfigError
from autopyfactory.web.app import create
from autopyfactory.web.site import Site

log = logging.getLogger("autopyfactory.web")

CONNECTIONS = 512  # at a time
REQUEST = 5.0  # seconds; a request has to be complete within two such looks
READING = 60.0  # seconds within which a client has to take more of an answer
ENDING = 2  # seconds that requests under way get at the end


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that ends a connection without a request in time, or with an answer that nobody takes."""

    def connection_made(self, transport: Any) -> None:
        """Begin to watch."""
        super().connection_made(transport)
        self._unread, self._idle = 0, False
        self._watch = self.loop.call_later(REQUEST, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        self._watch.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        unread = self.transport.get_write_buffer_size()
        done = self.cycle is None or self.cycle.response_complete
        idle = done and unread == 0 and self.timeout_keep_alive_task is None
        if idle and self._idle:
            self.transport.close()  # no request, or half of one
            return
        self._idle = idle
        if unread and unread == self._unread:
            self.transport.abort()
            return
        self._unread = unread
        self._watch = self.loop.call_later(READING if unread else REQUEST, self._look)


class _Server(uvicorn.Server):
    """Uvicorn that tells where it listens, once it does."""

    def __init__(self, config: uvicorn.Config, listening: Any):
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        if self.started:
            self._listening()


def serve(
    conf: Sequence[str], *, child: bool = False, port: int | None = None, host: str | None = None
) -> int:
    """Serve the pages of the factory of `conf` until it is told to end; return an exit code.

    `child`: the end of standard input ends it. `port` and `host` take the place of what is configured.
    """
    if child:
        os.nice(int(os.environ.get("AUTOPYFACTORY_NICE", "0")))
    access = Access(conf)
    try:
        options = options_for(access, port, host)
        site = Site.of(access, options)
        listener = _listen(options)
    except ConfigError as err:
        print(err, file=sys.stderr)
        return 2
    except OSError as err:
        print(f"cannot listen at {options.host}:{options.port}: {err.strerror}", file=sys.stderr)
        return 3
    url = _url(listener)
    server = _Server(_config(site), lambda: _listening(access, url, child=child))
    if child:
        threading.Thread(target=_follow, args=(server,), name="parent", daemon=True).start()
    try:
        asyncio.run(server.serve([listener]))
    except KeyboardInterrupt:
        return 0
    return 0


def options_for(access: Access, port: int | None, host: str | None) -> WebOptions:
    """Return the options of the pages. Raises ConfigError."""
    from autopyfactory.options.binding import Binder

    section = access.read_section()
    options, problems = Binder().bind(WebOptions, section, section)
    if options is None:
        raise ConfigError(problems)
    given = {"port": port if port is not None else options.port or 0, **({"host": host} if host else {})}
    try:
        return WebOptions(**{**options.model_dump(), **given})
    except ValueError as err:
        from autopyfactory.options.problem import Problem

        raise ConfigError([Problem("error", str(err), section.where, section.name, "web.host")]) from err


def _listen(options: WebOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((options.host, options.port or 0))
    listener.set_inheritable(False)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _config(site: Site) -> uvicorn.Config:
    return uvicorn.Config(
        create(site),
        http=ImpatientProtocol,
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,  # else anybody could say from where they come
        limit_concurrency=CONNECTIONS,
        backlog=128,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=ENDING,
    )


def _listening(access: Access, url: str, *, child: bool) -> None:
    """Tell where the pages are: the factory and commands in a file, a person in words."""
    if not child:
        print(f"{WebPart.name}: {url}", flush=True)
        return
    said = json.dumps({"url": url, "pid": os.getpid()}).encode()
    atomicfile.replace(address_file(access.state_dir), said, mode=atomicfile.OWNER)


def _follow(server: uvicorn.Server) -> None:
    """End with the parent: standard input ends then."""
    while os.read(0, 1024):
        pass
    server.should_exit = True
    threading.Event().wait(ENDING + 1.0)
    os._exit(0)
