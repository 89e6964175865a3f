"""A small HTTP server for tests: each request is one call of `answer`, and is written down."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from testbed.ports import free_port

T = TypeVar("T")


def at_a_port(listen: Callable[[int], T]) -> T:
    """Return what `listen` makes of a port that nobody gets by accident while it is shut for a while.

    The kernel gives those that it picks itself to any connection on this machine, once they are free.
    """
    for _ in range(20):
        with contextlib.suppress(OSError):  # somebody else was given it in between
            return listen(free_port())
    return listen(free_port())


@dataclass(frozen=True)
class Request:
    """What a client asked."""

    method: str
    path: str  # without the query
    query: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    client_cert: str | None = None  # common name of the client's certificate
    raw_path: str = ""  # as it was sent, still quoted

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        fields = parse_qs(self.body.decode(), keep_blank_values=True)
        return {k: v[0] for k, v in fields.items()}


@dataclass
class Reply:
    """What it gets."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    reason: str | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200, content_type: str = "application/json") -> Reply:
        return cls(status, json.dumps(value).encode(), {"Content-Type": content_type})

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain") -> Reply:
        return cls(status, text.encode(), {"Content-Type": content_type})


class HttpServer:
    """Base of the stand-ins: override `answer`."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self.requests: list[Request] = []
        self._tls = tls
        self._lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0  # the next start takes the same port again

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    @property
    def port(self) -> int:
        assert self._port, "not started"
        return self._port

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://{'localhost' if self._tls else '127.0.0.1'}:{self.port}"

    def start(self) -> Self:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # head and body in one packet: no waiting for acknowledgements

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                request = Request(
                    self.command,
                    parts.path,
                    parse_qs(parts.query, keep_blank_values=True),
                    self.headers,
                    self.rfile.read(length),
                    _common_name(self.connection),
                    self.path,
                )
                with owner._lock:
                    owner.requests.append(request)
                    reply = owner.answer(request)
                self.send_response(reply.status, reply.reason)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, format: str, *args: Any) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            tls = self._tls

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # clients of the fault tests break off in every way

            def finish_request(self, request: Any, client_address: Any) -> None:
                if self.tls is not None:  # here, in the request's thread: a handshake may hang
                    request = self.tls.wrap_socket(request, server_side=True)
                super().finish_request(request, client_address)

        def listen(port: int) -> ThreadingHTTPServer:
            return Quiet(("127.0.0.1", port), Handler)

        self._server = listen(self._port) if self._port else at_a_port(listen)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _common_name(connection: Any) -> str | None:
    if not isinstance(connection, ssl.SSLSocket):
        return None
    cert = connection.getpeercert() or {}
    for part in cert.get("subject", ()):
        for key, value in part:  # type: ignore[misc]
            if key in ("commonName", "organizationalUnitName"):
                return str(value)
    return None
